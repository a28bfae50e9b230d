"""Prints who finds a bad policy out and how soon."""

from __future__ import annotations

from components.recommender.phase_state import SHADOW
from tests.running_loop.bad_policies import BAD, PHASES, Trial, incumbents_record, trial
from tests.running_loop.gate_of_bad_policies import verdict_on

HOURS = 5


def table() -> str:
    """The trials as Markdown."""
    usual = incumbents_record().reference
    assert usual is not None
    lines = [
        f"Under the incumbent {usual.violation:.2%} of the requests miss the objective.",
        "",
        "| policy | gate | shadow | canary | live |",
        "|---|---|---|---|---|",
    ]
    for policy in BAD:
        verdict = verdict_on(policy)
        failed = [check.name for check in verdict.checks if not check.passed]
        gate = "accepted" if verdict.accepted else f"refused ({', '.join(failed)})"
        cells = [_words(trial(policy, phase, 60 * HOURS), phase) for phase in PHASES]
        lines.append(f"| {policy.name} | {gate} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _words(one: Trial, phase: str) -> str:
    if phase == SHADOW:
        # The incumbent acts meanwhile: what is violated is not the policy's.
        found = "never" if one.seconds is None else f"{one.seconds:.0f} s"
        return f"{found}: {one.reason}"
    share = one.violated / one.requests
    what = f"{one.violated:,.0f} requests ({share:.1%})"
    if one.seconds is None:
        return f"not in {HOURS} h ({one.reason}): {what}"
    kills = f", {one.oom_kills:.0f} OOM kills" if one.oom_kills else ""
    return f"{one.seconds:.0f} s, {what}{kills}: {one.reason}"


if __name__ == "__main__":
    print(table())
