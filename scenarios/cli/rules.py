"""``redrive rules``: what the simulator holds to, where AWS says so, which test holds it, and who differs."""

from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from redrive.simulator.rules import RULES, Rule, Source

from ..errors import InputError, UnknownName
from ..parity import PEERS, Deviation, Peer

__all__ = ["rules"]

HEADINGS = ("id", "rule", "source", "test")
CHOICE = "choice"
AS_AWS = "as AWS"
NOT_ASKED = "not asked"
SIMULATED = "simulated"
SECTIONS = {"S": "Queues", "E": "The event source mapping"}
ABOUT = """\
<!-- Written by `redrive rules --markdown > docs/rules.md`. The rules are in simulator/rules.py. -->

# What AWS does, and so does the simulator

Every emulator of SQS and Lambda is lenient somewhere. The simulator is not: these are the rules that it follows, each
in one line, with the place where AWS says so and the tests that hold it. A *recording* is what AWS answered, as
published with LocalStack's tests. A *choice* is where AWS is silent; the simulator then does what is hardest on the
consumer."""


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--markdown", is_flag=True, help="Print all of them as the document docs/rules.md.")
@click.option("--parity", is_flag=True, help="Say instead which environments keep each rule, and how others differ.")
def rules(ids: tuple[str, ...], markdown: bool, parity: bool) -> None:
    """List the rules that the simulator follows.

    What each says, where AWS says so, and the tests that hold it. With IDs (S10 E07) only these.
    """
    if markdown:
        if parity:
            raise InputError("--markdown prints the rules: leave --parity out")
        if ids:
            raise InputError("--markdown prints all the rules: leave the ids out")
        click.echo(document())
        return
    chosen = tuple(dict.fromkeys(map(find, ids))) or RULES
    console = Console()
    if parity:
        print_parity(chosen, console)
        return
    if console.is_terminal:
        console.print(table(chosen))
        return
    for rule in chosen:
        click.echo(
            "\t".join((rule.id, rule.title, "; ".join(map(plain, rule.sources)) or CHOICE, ",".join(rule.tests)))
        )


def find(rule_id: str) -> Rule:
    """The rule with this id, in capitals or not; raises :class:`UnknownName`."""
    for rule in RULES:
        if rule.id == rule_id.upper():
            return rule
    sections = ([rule.id for rule in RULES if rule.id.startswith(letter)] for letter in SECTIONS)
    raise UnknownName("rule", rule_id, tuple(f"{ids[0]} to {ids[-1]}" for ids in sections))


def plain(source: Source) -> str:
    return f"{source.name} ({source.url})" if source.url else source.name


def table(chosen: Iterable[Rule]) -> Table:
    """For a terminal: sources are links where it can show them, tests go without their files."""
    shown = Table(show_lines=True)
    for heading in HEADINGS:
        shown.add_column(heading, no_wrap=heading == "id", overflow="fold")
    for rule in chosen:
        sources = [Text(source.name, style=f"link {source.url}" if source.url else "") for source in rule.sources]
        tests = [test.rpartition("::")[2] for test in rule.tests]
        shown.add_row(rule.id, Text(rule.title), Text("\n").join(sources or [Text(CHOICE)]), Text("\n".join(tests)))
    return shown


def print_parity(chosen: Iterable[Rule], console: Console) -> None:
    """One column for each environment on a terminal, else one line for each rule and environment."""
    itself = version("redrive")
    installed = {peer.environment: installed_version(peer) for peer in PEERS}
    if not console.is_terminal:
        for rule in chosen:
            click.echo("\t".join((rule.id, SIMULATED, itself, itself, CHOICE if rule.choice else AS_AWS)))
            for peer in PEERS:
                found = "; ".join(answers(peer, rule))
                click.echo("\t".join((rule.id, peer.environment, peer.version, installed[peer.environment], found)))
        return
    shown = Table(show_lines=True)
    for heading in ("id", "rule", f"{SIMULATED} {itself}", *(f"{peer.environment} {peer.version}" for peer in PEERS)):
        shown.add_column(heading, no_wrap=heading == "id", overflow="fold")
    for rule in chosen:
        found_by = [Text("\n").join(map(Text, answers(peer, rule))) for peer in PEERS]
        shown.add_row(rule.id, Text(rule.title), CHOICE if rule.choice else AS_AWS, *found_by)
    console.print(shown)
    for peer in PEERS:
        console.print(
            f"{peer.environment}: compared at {peer.version}, here {installed[peer.environment]}", highlight=False
        )


def installed_version(peer: Peer) -> str:
    try:
        return version(peer.distribution)
    except PackageNotFoundError:
        return "not installed"


def answers(peer: Peer, rule: Rule) -> tuple[str, ...]:
    """Whether the environment keeps a rule, in so many words: one for each way in which it does not."""
    if rule.id not in peer.asked:
        return (NOT_ASKED,)
    return tuple(map(how, peer.of_rule(rule.id))) or (AS_AWS,)


def how(deviation: Deviation) -> str:
    return f"differs: {deviation.peer} (AWS: {deviation.aws})"


def document() -> str:
    """The text of ``docs/rules.md``, without its last line feed."""
    return "\n".join([ABOUT, *(line for letter in SECTIONS for line in section(letter))])


def section(letter: str) -> Iterator[str]:
    yield f"\n## {letter}: {SECTIONS[letter]}\n"
    yield f"| {' | '.join(HEADINGS)} |"
    yield "|---|---|---|---|"
    for rule in RULES:
        if rule.id.startswith(letter):
            sources = ", ".join(
                f"[{source.name}]({source.url})" if source.url else source.name for source in rule.sources
            )
            tests = "<br>".join(link_of_test(test) for test in rule.tests)
            yield f"| {rule.id} | {rule.title} | {sources or f'*{CHOICE}*'} | {tests} |"


def link_of_test(test: str) -> str:
    path, _, name = test.partition("::")
    return f"[{name}](../{path})"
