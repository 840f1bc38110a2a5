"""Targets: what may be named, what is made of it, and what is said of a name that leads nowhere."""

import json
import sys
import textwrap

import pytest

from redrive.fixtures.runtimes.context import LambdaContext
from redrive.fixtures.runtimes.in_process import ExecutionEnvironment
from redrive.scenarios import Claim, Consumer, TargetError
from redrive.scenarios.target import REFERENCE, check_handler, handler_of, is_installed, load_target

HANDLER = """
    def handler(event, context):
        return "{}"
"""


@pytest.fixture(autouse=True)
def _restored_imports(monkeypatch):
    """What a test imports is gone after it, and so is what it put into the path."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def write(tmp_path):
    """Writes a file below the folder of the test, and gives its path as text."""

    def write_file(name, code):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(code))
        return str(path)

    return write_file


def answer(target):
    """What the handler of a loaded target returns."""
    environment = ExecutionEnvironment(handler_of(target.consumer))
    return json.loads(environment.invoke({}, LambdaContext(now_ms=lambda: 0)).payload)


class TestHandlers:
    def test_file_and_attribute(self, write):
        target = load_target(f"{write('target_file.py', HANDLER)}:handler")
        assert answer(target) == "{}"

    def test_relative_file(self, write, tmp_path, monkeypatch):
        write("target_relative.py", HANDLER)
        monkeypatch.chdir(tmp_path)
        assert answer(load_target("target_relative.py:handler")) == "{}"
        assert answer(load_target("./target_relative.py:handler")) == "{}"

    def test_module_and_attribute(self, write, tmp_path, monkeypatch):
        write("target_module.py", HANDLER)
        monkeypatch.syspath_prepend(tmp_path)
        assert answer(load_target("target_module:handler")) == "{}"

    def test_module_in_a_package(self, write, tmp_path, monkeypatch):
        write("target_shop/__init__.py", "")
        write("target_shop/orders.py", "from .answers import ANSWER\ndef handler(event, context): return ANSWER\n")
        write("target_shop/answers.py", "ANSWER = 42\n")
        monkeypatch.syspath_prepend(tmp_path)
        assert answer(load_target("target_shop.orders:handler")) == 42

    def test_file_in_a_package_is_imported_as_of_the_package(self, write):
        write("target_pack/__init__.py", "")
        write("target_pack/inner/__init__.py", "")
        write("target_pack/answers.py", "ANSWER = 42\n")
        path = write(
            "target_pack/inner/orders.py", "from ..answers import ANSWER\ndef handler(event, context): return ANSWER\n"
        )
        assert answer(load_target(f"{path}:handler")) == 42

    def test_package_folder_by_its_init_file(self, write):
        path = write("target_whole/__init__.py", HANDLER)
        assert answer(load_target(f"{path}:handler")) == "{}"

    def test_nested_attribute(self, write):
        code = """
            class App:
                def handle(self, event, context):
                    return "nested"

            app = App()
        """
        assert answer(load_target(f"{write('target_nested.py', code)}:app.handle")) == "nested"

    def test_file_beside_it_with_a_folder_that_has_a_space(self, write):
        write("a b/target_answers.py", "ANSWER = 42\n")
        path = write(
            "a b/target_spaced.py", "from target_answers import ANSWER\ndef handler(event, context): return ANSWER\n"
        )
        assert answer(load_target(f"{path}:handler")) == 42

    def test_bare_handler_is_judged_by_what_can_be_seen_from_outside(self, write):
        name = f"{write('target_bare.py', HANDLER)}:handler"
        target = load_target(name)
        assert (target.name, target.consumer.handler) == (name, name)
        assert target.consumer.effects is None
        assert target.consumer.poison is None
        assert target.consumer.claims == {Claim.PARTIAL_BATCH, Claim.DEAD_LETTERS, Claim.IDEMPOTENT}
        assert json.loads(target.consumer.valid("key-1")) == {"id": "key-1"}
        assert "only what can be seen from outside" in target.note


class TestConsumers:
    CODE = (
        HANDLER
        + """
    from redrive.scenarios import Consumer

    shop = Consumer(handler="target_shop_consumer:handler", valid=str)
    """
    )

    def test_consumer_by_name(self, write):
        target = load_target(f"{write('target_shop_consumer.py', self.CODE)}:shop")
        assert isinstance(target.consumer, Consumer)
        assert target.consumer.handler == "target_shop_consumer:handler"
        assert "only what can be seen from outside is judged" in target.note

    def test_handler_whose_module_has_a_consumer_for_it(self, write):
        target = load_target(f"{write('target_shop_consumer.py', self.CODE)}:handler")
        assert target.consumer.valid is str
        assert target.note.startswith("judged as the consumer 'shop' of target_shop_consumer; it does not say what its")

    def test_handler_given_to_its_consumer_as_a_function(self, write):
        code = (
            HANDLER
            + """
    from redrive.scenarios import Consumer
    shop = Consumer(handler=handler, valid=str)
        """
        )
        target = load_target(f"{write('target_function.py', code)}:handler")
        assert target.consumer.valid is str
        assert answer(target) == "{}"

    def test_handler_that_its_consumer_names_by_file(self, write, tmp_path):
        path = tmp_path / "target_by_file.py"
        code = f"""
            from redrive.scenarios import Consumer
            def handler(event, context): return 1
            shop = Consumer(handler="{path}:handler", valid=str)
        """
        assert load_target(f"{write('target_by_file.py', code)}:handler").consumer.valid is str

    def test_consumer_of_another_handler_is_not_taken(self, write):
        code = (
            HANDLER
            + """
    from redrive.scenarios import Consumer
    def other(event, context): return {}
    shop = Consumer(handler=other, valid=str)
        """
        )
        target = load_target(f"{write('target_other.py', code)}:handler")
        assert target.consumer.valid is not str
        assert "a bare handler" in target.note

    def test_consumer_of_a_handler_in_a_module_that_is_not_there(self, write):
        code = """
            from redrive.scenarios import Consumer
            shop = Consumer(handler="no_such_module_anywhere:handler", valid=str)
        """
        with pytest.raises(TargetError, match="no module named 'no_such_module_anywhere'"):
            load_target(f"{write('target_astray.py', code)}:shop")

    def test_reference_handler_is_the_default(self):
        target = load_target(REFERENCE)
        assert target.consumer.claims == set(Claim)
        assert target.note is None

    def test_function_that_cannot_be_found_by_name_is_used_as_it_is(self):
        def local(event, context):
            return None

        assert handler_of(Consumer(handler=local, valid=str)) is local

    def test_callable_object_is_used_as_it_is(self):
        class Handles:
            def __call__(self, event, context):
                return "called"

        consumer = Consumer(handler=Handles(), valid=str)
        assert handler_of(consumer) is consumer.handler


def said(name):
    """The one line that is said of a target that leads nowhere."""
    with pytest.raises(TargetError) as raised:
        load_target(name)
    message = str(raised.value)
    assert "\n" not in message
    return message


class TestWrongNames:
    @pytest.mark.parametrize("name", ["shop", "shop:", ":handler", "", ":"])
    def test_not_of_the_form(self, name):
        assert "is not of the form package.module:attribute or path/to/file.py:attribute" in said(name)

    def test_no_such_module(self):
        assert said("no_such_module:handler") == "no module named 'no_such_module'"

    def test_no_such_package(self):
        assert said("no.such:thing") == "no module named 'no' (looking for 'no.such:thing')"

    def test_no_such_module_in_a_package_that_is_there(self):
        assert said("redrive.scenarios.nowhere:handler") == "no module named 'redrive.scenarios.nowhere'"

    def test_module_below_a_module(self):
        assert "json.decoder" in said("json.decoder.deeper:handler")

    @pytest.mark.parametrize("place", ["..shop", ".shop", "shop..orders", "a b", "1"])
    def test_no_name_of_a_module(self, place):
        assert said(f"{place}:handler")

    def test_no_such_file(self, tmp_path):
        assert said(f"{tmp_path}/nowhere.py:handler") == f"no file '{tmp_path}/nowhere.py'"

    def test_folder_with_the_name_of_a_file(self, tmp_path):
        (tmp_path / "folder.py").mkdir()
        assert "no file" in said(f"{tmp_path}/folder.py:handler")

    def test_no_such_attribute(self, write):
        path = write("target_without.py", HANDLER)
        assert said(f"{path}:handlr") == "module 'target_without' has no attribute 'handlr'"

    def test_no_such_nested_attribute(self, write):
        path = write("target_without_nested.py", HANDLER)
        assert "no attribute 'handler.deeper'" in said(f"{path}:handler.deeper")

    @pytest.mark.parametrize(("value", "kind"), [("42", "int"), ("None", "NoneType"), ("'handler'", "str")])
    def test_neither_handler_nor_consumer(self, write, value, kind):
        path = write(f"target_{kind}.py", f"handler = {value}\n")
        assert said(f"{path}:handler") == f"{path}:handler is {kind}, neither a handler nor a Consumer"

    @pytest.mark.parametrize(
        ("number", "code", "words"),
        [
            (1, "import no_such_module_anywhere", "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
            (2, "raise RuntimeError('two\\nlines')", "RuntimeError: two lines"),
            (3, "def handler(:", "SyntaxError"),
            (4, "import os; os.environ['REDRIVE_NEVER_SET']", "KeyError: 'REDRIVE_NEVER_SET'"),
            (5, "import sys; sys.exit(3)", "SystemExit: 3"),
            (6, "\\0", "SyntaxError"),
        ],
    )
    def test_import_that_fails(self, write, number, code, words):
        message = said(f"{write(f'target_fails_{number}.py', code)}:handler")
        assert message.startswith(f"importing 'target_fails_{number}' failed with ")
        assert words in message

    def test_import_that_fails_in_a_package(self, write, tmp_path, monkeypatch):
        write("target_broken/__init__.py", "raise RuntimeError('not today')\n")
        write("target_broken/orders.py", HANDLER)
        monkeypatch.syspath_prepend(tmp_path)
        message = said("target_broken.orders:handler")
        assert "target_broken.orders" in message
        assert "RuntimeError: not today" in message

    def test_file_whose_name_is_a_module_s_already(self, write):
        path = write("queue.py", HANDLER)
        assert "the module 'queue' is " in said(f"{path}:handler")


class TestCheckHandler:
    def test_right_one(self, write):
        check_handler(load_target(f"{write('target_checked.py', HANDLER)}:handler").consumer)

    @pytest.mark.parametrize(
        ("number", "code", "words"),
        [
            (1, "other = 1", "module 'target_check_1' has no attribute 'handler'"),
            (2, "handler = 1", "target_check_2:handler is not callable"),
            (3, "import no_such_module_anywhere", "importing 'target_check_3' failed with ModuleNotFoundError"),
            (4, "raise SystemExit(1)", "importing 'target_check_4' failed with SystemExit: 1"),
        ],
    )
    def test_wrong_one_is_a_target_error(self, write, number, code, words):
        path = write(f"target_check_{number}.py", code)
        with pytest.raises(TargetError) as raised:
            check_handler(Consumer(handler=f"{path}:handler", valid=str))
        assert str(raised.value).startswith(words)

    def test_function_that_cannot_be_imported_needs_no_check(self):
        check_handler(Consumer(handler=lambda event, context: None, valid=str))


def test_is_installed_says_so_without_importing():
    assert is_installed("json")
    assert is_installed("xml.dom.pulldom")
    assert not is_installed("no_such_module_anywhere")
    assert not is_installed("no_such_package_anywhere.inner")
    assert "xml.dom.pulldom" not in sys.modules
