"""What a measurement shows: a table and the differences on the terminal, lines for programs, and a document."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .measuring import Measured
from .probe import Word
from .result import Parity

__all__ = ["document", "lines", "print_parity", "summary"]

_STYLES = {Word.AS_AWS: "green", Word.DIFFERS: "yellow", Word.NOT_ASKED: "dim"}
_TITLE_LEAST = 10
_SHORT = {str(Word.NOT_ASKED): "not asked"}
_ABOUT = """\
# How environments compare with AWS

Every rule of [rules.md](rules.md) that can be asked of an endpoint through its public API was put to these
environments, one question at a time. *as AWS*: every answer was what AWS does. *differs 1/3*: one of three questions
was answered otherwise; what was seen is listed below. *not asked*: the question cannot be put there; why is listed as
well. *as chosen*: AWS documents nothing, and the environment does what the simulator does, which is what is hardest on
the consumer. Where time is real, what differed was asked a second time, and counts if it differed again. AWS itself was
not measured: what it does is in the sources of each rule."""


def name_of(measured: Measured) -> str:
    """The environment in a word or two: of a URL the host and port."""
    return urlsplit(measured.environment).netloc or measured.environment


def summary(parity: Parity, measured: Measured) -> str:
    """One line about an environment."""
    counts = ", ".join(f"{number} {word}" for word, number in parity.counts(measured).items())
    of = f" {measured.version}" if measured.version else ""
    return f"{name_of(measured)}{of}: {counts}"


def print_parity(parity: Parity, console: Console) -> None:
    """A table, then each difference and what could not be asked, then a line for each environment."""
    console.print(_table(parity, console.width))
    for measured in parity.environments:
        if parity.differences(measured):
            console.print(Text(f"\n{name_of(measured)} differs", style="bold"))
        for probe, answer in parity.differences(measured):
            console.print(Text(f"  {probe.id}: {probe.aws}"), soft_wrap=True)
            for how in answer.how:
                console.print(Text(f"    {how}", style="yellow"), soft_wrap=True)
    for measured in parity.environments:
        if parity.not_asked(measured):
            console.print(Text(f"\n{name_of(measured)} cannot be asked", style="bold"))
        for reason, ids in parity.not_asked(measured).items():
            console.print(Text(f"  {', '.join(ids)}: {reason}"), soft_wrap=True)
    for reason, ids in parity.unasked().items():
        console.print(Text(f"\nnobody can be asked {', '.join(ids)}: {reason}"), soft_wrap=True)
    console.print()
    for measured in parity.environments:
        console.print(Text(f"{summary(parity, measured)} ({measured.seconds:.0f} s)"), soft_wrap=True)


def _table(parity: Parity, width: int) -> Table:
    """What rules say is cut short where there is no room; what environments make of them never is."""
    columns = [
        (name_of(measured), [_in_table(str(parity.cell(rule, measured))) for rule in parity.rules])
        for measured in parity.environments
    ]
    taken = len("rule") + sum(2 + max(map(len, [name, *cells])) for name, cells in columns)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("rule", no_wrap=True)
    table.add_column("", overflow="ellipsis", no_wrap=True, max_width=max(_TITLE_LEAST, width - taken - 2))
    for name, _ in columns:
        table.add_column(name, no_wrap=True)
    for place, rule in enumerate(parity.rules):
        words = [parity.cell(rule, measured).word for measured in parity.environments]
        shown = [Text(cells[place], style=_STYLES[word]) for (_, cells), word in zip(columns, words, strict=True)]
        table.add_row(rule.id, Text(rule.title), *shown)
    return table


def _in_table(cell: str) -> str:
    return _SHORT.get(cell, cell)


def lines(parity: Parity) -> Iterator[str]:
    """For a pipe: rule, environment, version, what it makes of the rule, and how, between tabs."""
    unasked = {rule_id: reason for reason, ids in parity.unasked().items() for rule_id in ids}
    for rule in parity.rules:
        for measured in parity.environments:
            cell = parity.cell(rule, measured)
            how = [
                f"{probe.id}: {each}"
                for probe, answer in parity.answers(rule, measured)
                if answer.word is not Word.AS_AWS
                for each in answer.how
            ]
            said = "; ".join(how) or unasked.get(rule.id, "")
            yield "\t".join((rule.id, name_of(measured), measured.version, str(cell), said))


def document(parity: Parity, *, command: str) -> str:
    """The text of the document, the same for the same answers whatever the time that they took."""
    return "\n".join(_document(parity, command)) + "\n"


def _document(parity: Parity, command: str) -> Iterator[str]:
    yield f"<!-- Written by `{command}`. What is asked is in scenarios/probes/. -->\n"
    yield _ABOUT
    yield f"\nMeasured on {parity.date} with redrive {parity.redrive}.\n"
    yield "| environment | version | mapping | as AWS | differs | cannot be asked |"
    yield "|---|---|---|---|---|---|"
    for measured in parity.environments:
        counts = " | ".join(str(number) for number in parity.counts(measured).values())
        mapping = {"poller": "redrive's poller", "native": "its own", "simulated": "its own", None: "none"}
        version = measured.version or "unknown"
        yield f"| {name_of(measured)} | {version} | {mapping[measured.mapping]} | {counts} |"
    yield "\n## Rule by rule\n"
    yield f"| rule | | {' | '.join(map(name_of, parity.environments))} |"
    yield f"|---|---|{'---|' * len(parity.environments)}"
    for rule in parity.rules:
        cells = [str(parity.cell(rule, measured)) for measured in parity.environments]
        yield f"| {rule.id} | {rule.title} | {' | '.join(map(_in_table, cells))} |"
    for measured in parity.environments:
        yield from _about(parity, measured)
    yield "\n## What nobody can be asked\n"
    for reason, ids in parity.unasked().items():
        yield f"- {', '.join(ids)}: {reason}."
    yield "\n## What was asked\n"
    yield "| question | what AWS does |"
    yield "|---|---|"
    for rule in parity.rules:
        for probe, _ in parity.answers(rule, parity.environments[0]):
            yield f"| {probe.id} | {_escaped(probe.aws)} |"


def _about(parity: Parity, measured: Measured) -> Iterator[str]:
    if parity.differences(measured):
        yield f"\n## How {name_of(measured)} differs\n"
        for probe, answer in parity.differences(measured):
            yield f"- **{probe.id}** {_escaped(probe.aws)}. Seen:"
            yield from (f"  - {_escaped(how)}" for how in answer.how)
    if parity.not_asked(measured):
        yield f"\n## What {name_of(measured)} cannot be asked\n"
        for reason, ids in parity.not_asked(measured).items():
            yield f"- {', '.join(ids)}: {_escaped(reason)}."


def _escaped(text: str) -> str:
    """As Markdown shows it: nothing that was seen is markup."""
    for character in "\\`*_{}<>[]|":
        text = text.replace(character, f"\\{character}")
    return text
