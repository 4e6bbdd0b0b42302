"""Balances the books of a day by SQL and arithmetic of its own. Not a test itself."""

import sqlite3
from collections import Counter
from contextlib import closing

from pad_ros.conveyor.handshake import UNKNOWN


def balance(day, database):
    """What did not hold, and the figures.

    Args:
        day: that is over.
        database: the records' file.
    """
    with closing(sqlite3.connect(database)) as connection:
        decisions = connection.execute("SELECT part_id, sequence, reject, reason, uid FROM decisions").fetchall()
        views = connection.execute(
            "SELECT COUNT(*), COUNT(DISTINCT part_id || ' ' || view_index) FROM views"
        ).fetchone()
        answers = connection.execute("SELECT decision_uid, taken FROM answers").fetchall()
    parts, problems = {part.name: part for part in day.plant.parts}, list(day.gate.problems)
    for part, count in (Counter(row[0] for row in decisions) - Counter(dict.fromkeys(parts, 1))).items():
        problems.append(f"{part}: {count} decisions too many")
    problems += [f"{part}: no decision" for part in set(parts) - {row[0] for row in decisions}]
    if views != (day.images, day.images):
        problems.append(f"{day.images} verdicts, on record {views}")
    # The PLC's counter, and what each command was.
    number = {uid: sequence for _, sequence, _, _, uid in decisions}
    said = {sequence: bool(reject) for _, sequence, reject, _, _ in decisions}
    taken = Counter(command[1] for command in day.gate.taken)
    by_answer = {number.get(uid) for uid, was in answers if was}
    lost = {number.get(uid) for uid, was in answers if not was} - by_answer
    problems += [f"command {sequence}: taken {count} times" for sequence, count in taken.items() if count > 1]
    problems += [
        f"command {c[1]}: {c[2]} instead of {said.get(c[1])}" for c in day.gate.taken if c[2] != said.get(c[1])
    ]
    problems += [f"command {sequence}: on record as taken, and was not" for sequence in by_answer - set(taken)]
    problems += [f"command {sequence}: the PLC's answer is not on record" for sequence in set(said) - by_answer - lost]
    unplaced = {command[1] for command in day.gate.taken if command[4] == UNKNOWN}
    unheard = set(taken) & lost
    if len(day.gate.taken) != len(said) - len(lost) + len(unheard):
        problems.append(f"the PLC counted {len(day.gate.taken)}; {len(said)} commands, {len(lost)} of them lost")
    if sorted(said) != list(range(1, len(parts) + 1)):
        problems.append("the numbers of the commands have gaps")
    # What became of the parts.
    for name, sequence, reject, _, _ in decisions:
        part = parts[name]
        if sequence in taken and part.command is not None and part.command != bool(reject):
            problems.append(f"{name}: decided {reject}, and the gate did {part.command}")
        if sequence in taken and part.command is None and not (sequence in unplaced and part.rejected):
            problems.append(f"{name}: its command was taken, and acted on nothing")
        if sequence not in taken and part.rejected is not True:
            problems.append(f"{name}: no command, and it was not rejected")
    problems += [
        f"{name} came while inspection was off, and passed" for name in day.disabled if not parts[name].rejected
    ]
    passed = {name for name, part in parts.items() if not part.rejected}
    defective = {name for name, part in parts.items() if part.defective}
    problems += [f"{name} is defective, and passed" for name in sorted(passed & defective)]
    fail_safe = {row[0] for row in decisions if "fail-safe" in row[3]}
    return problems, {
        "parts; decisions on record": (len(parts), len(decisions)),
        "images with a verdict; on record": (day.images, views[0]),
        "decided: pass; reject": (sum(not reject for reject in said.values()), sum(said.values())),
        "the PLC's counters: pass; reject": (
            sum(not command[2] for command in day.gate.taken),
            sum(command[2] for command in day.gate.taken),
        ),
        "commands that never reached the PLC, said aloud": (len(lost - unheard),),
        "parts rejected by the PLC, which had no command of them": (day.gate.counts["no command"],),
        "parts rejected by the fail-safe: undecided at the gate, or inspection was off": (len(fail_safe),),
        "defective parts; of them passed": (len(defective), len(passed & defective)),
        "good parts; of them rejected": (len(parts) - len(defective), len(set(parts) - defective - passed)),
    }
