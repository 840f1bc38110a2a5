"""What a verification prints."""

import io

from rich.console import Console

from redrive.scenarios.judgement import Verdict
from redrive.scenarios.report import Progress, print_report
from redrive.scenarios.results import Finding, Report, ScenarioResult


def finding(invariant, *timeline):
    return Finding(
        invariant=invariant,
        message=f"what breaks {invariant}",
        business_keys=("key-1",),
        timeline=timeline,
        replay="redrive verify shop:handler --scenario crash --seed 7",
    )


def printed(*results, **options):
    report = Report(
        version="0.1.0",
        target="shop:handler",
        environment="simulated",
        runtime="in-process",
        seed=7,
        scenarios=results,
        **options,
    )
    console = Console(file=io.StringIO(), width=80)
    print_report(report, console)
    return console.file.getvalue()


def skipped(name, reason):
    return ScenarioResult(name=name, verdict=Verdict.SKIPPED, reason=reason)


def test_findings_of_one_history_are_shown_with_it_once():
    findings = (finding("no-loss", "sent", "deleted"), finding("dead-lettered", "sent", "deleted"))
    text = printed(ScenarioResult(name="crash", verdict=Verdict.VIOLATED, violations=findings))
    assert text.count("  sent\n  deleted\n") == 1
    assert "no-loss is violated in crash\n  what breaks no-loss\n" in text
    assert "dead-lettered is violated in crash\n  what breaks dead-lettered\n" in text


def test_findings_of_different_histories_are_shown_each_with_its_own():
    findings = (finding("no-loss", "sent"), finding("effects-once", "sent twice"))
    text = printed(ScenarioResult(name="crash", verdict=Verdict.VIOLATED, violations=findings))
    assert text.index("no-loss is") < text.index("  sent\n") < text.index("effects-once is") < text.index("sent twice")
    assert text.count("  replay: redrive verify shop:handler --scenario crash --seed 7\n") == 2


def test_a_reason_stands_once_below_the_table_with_all_that_it_is_about():
    reason = "not claimed: ordered"
    text = printed(
        skipped("fifo-order", reason),
        ScenarioResult(name="late", verdict=Verdict.UNKNOWN, reason="nothing was shown"),
        skipped("fifo-duplicate", reason),
    )
    assert "\nskipped: fifo-order, fifo-duplicate (not claimed: ordered)\n" in text
    assert "\nunknown: late (nothing was shown)\n" in text


def test_names_in_brackets_are_no_markup():
    assert "crash[delta]" in printed(ScenarioResult(name="crash[delta]", verdict=Verdict.HOLDS))


def test_the_last_line_is_the_sum():
    text = printed(ScenarioResult(name="a", verdict=Verdict.HOLDS, deliveries=5), skipped("b", "not claimed: ordered"))
    assert text.endswith("\n1 holds, 1 skipped; 5 deliveries, seed 7\n")


def test_the_last_line_says_which_faults_were_added():
    text = printed(ScenarioResult(name="a", verdict=Verdict.HOLDS), faults={"duplicate": 0.1, "crash": 1.0})
    assert text.endswith("\n1 holds; 0 deliveries, seed 7, duplicate=0.1, crash=1.0\n")


def test_a_note_stands_once_with_all_in_which_it_was_seen():
    text = printed(
        ScenarioResult(name="a", verdict=Verdict.HOLDS, notes=("dropped: 2 bodies",)),
        ScenarioResult(name="b", verdict=Verdict.HOLDS, notes=("dropped: 2 bodies", "only here")),
    )
    assert "\nnote: dropped: 2 bodies (a, b)\nnote: only here (b)\n" in text


def test_an_interruption_is_the_last_that_is_said():
    text = printed(ScenarioResult(name="a", verdict=Verdict.HOLDS), not_run=("b", "c"))
    assert text.endswith("\n1 holds; 0 deliveries, seed 7\ninterrupted: 1 of 3 scenarios were run\n")


def test_an_interruption_before_anything_was_run():
    assert printed(not_run=("b",)).strip() == (
        "nothing was run; 0 deliveries, seed 7\ninterrupted: 0 of 1 scenarios were run"
    )


def show_progress(*, terminal):
    console = Console(file=io.StringIO(), width=100, force_terminal=terminal)
    with Progress("verifying [it]", total=12, notes=["a [note]"], console=console) as progress:
        progress.started("crash[delta]")
        progress.started("late")
        assert progress.running == ("crash[delta]", "late")
        progress.done("crash[delta]", "violated")
        assert progress.running == ("late",)
    return console.file.getvalue()


def test_progress_is_a_line_for_each_that_is_done_where_there_is_no_terminal():
    assert show_progress(terminal=False) == "verifying [it]\n  a [note]\n   1/12 crash[delta]: violated\n"


def test_progress_is_a_bar_with_what_is_being_run_on_a_terminal():
    shown = show_progress(terminal=True)
    assert "verifying [it]" in shown
    assert "1/12" in shown
    assert "late" in shown.rpartition("1/12")[2]
    assert "violated" not in shown
