#!/usr/bin/env python3
"""What was run of the product's sources, from gcov's counts.

usage: coverage.py BUILD          a table of files, then the sums of each room
       coverage.py BUILD TEXT     the lines with branches that were not taken, of files with TEXT
                                  in their path: `file:line: taken/branches  source`
       coverage.py BUILD --least 95 ROOM...    the table, and a line for each of these rooms in
                                  which fewer per cent of the branches were taken (`way-in`: the
                                  files of server/sync that take in what phones send)
exit: 1 when a room is below, a room or a file of the way in is not there, gcov could not read an
object, or nothing was counted at all.
"""
import gzip
import json
import os
import subprocess
import sys
import tempfile

ROOMS = ("proto/", "client-lib/src/", "server/")
# Through these goes whatever a phone sends, until it is an entry of the log. One that is gone, or
# has another name now, is an error: the sum would lose it in silence.
WAY_IN = ("request", "writer", "ingest", "judge", "sets", "held", "fold", "free", "settle", "row",
          "log")
WAY_IN_NAME = "way-in"


def objects(build):
    """The objects of the rooms, as far as anything was counted for them or not."""
    found = []
    for room in ROOMS:
        for folder, _, names in os.walk(os.path.join(build, "obj", room)):
            found += [os.path.abspath(os.path.join(folder, n)) for n in names
                      if n.endswith(".gcno")]
    return sorted(found)


def counted(build, root):
    """{path: {line: (has run, branches taken, branches)}} of the sources in the rooms, and what
    gcov could not read."""
    files, wrong = {}, []
    with tempfile.TemporaryDirectory() as scratch:
        for number, note in enumerate(objects(build)):
            place = os.path.join(scratch, str(number))
            os.mkdir(place)
            done = subprocess.run(["gcov", "-j", "-b", "-c", note], cwd=place, check=False,
                                  capture_output=True, text=True)
            if done.returncode != 0 or not os.listdir(place):
                why = " ".join(done.stderr.split())[-300:]
                wrong.append(f"gcov: {os.path.relpath(note, root)}: {why}")
            for name in os.listdir(place):
                with gzip.open(os.path.join(place, name)) as text:
                    add(files, json.load(text), root)
    return files, wrong


def add(files, said, root):
    """Adds what gcov said of one object. A line may come once for each function in it."""
    for file in said["files"]:
        path = os.path.relpath(os.path.join(said["current_working_directory"], file["file"]), root)
        if not path.startswith(ROOMS) or not path.endswith(".c"):
            continue
        lines = files.setdefault(path, {})
        for line in file["lines"]:
            ran, taken, of = lines.get(line["line_number"], (False, 0, 0))
            taken += sum(branch["count"] > 0 for branch in line["branches"])
            lines[line["line_number"]] = (ran or line["count"] > 0, taken,
                                          of + len(line["branches"]))


def sums(lines):
    """(lines run, lines, branches taken, branches)"""
    values = list(lines.values())
    return (sum(v[0] for v in values), len(values), sum(v[1] for v in values),
            sum(v[2] for v in values))


def share(part, whole):
    """In percent; nothing of nothing is all."""
    return 100.0 * part / whole if whole else 100.0


def rooms(files):
    """{room: (branches taken, branches)}, the way in and all among them."""
    totals = {}
    for path, lines in files.items():
        _, _, taken, of = sums(lines)
        room, name = os.path.split(path)
        names = [room, "all"]
        if room == "server/sync" and name[:-2] in WAY_IN:
            names.append(WAY_IN_NAME)
        for name in names:
            before = totals.get(name, (0, 0))
            totals[name] = (before[0] + taken, before[1] + of)
    return totals


def print_table(files):
    """Each file, then each room, the way in and all."""
    print(f"{'file':<34} {'lines %':>9} {'branch %':>9} {'branches':>9}")
    for path, lines in sorted(files.items()):
        ran, of_lines, taken, of = sums(lines)
        print(f"{path:<34} {share(ran, of_lines):9.1f} {share(taken, of):9.1f} {of:9d}")
    for name, (taken, of) in sorted(rooms(files).items()):
        print(f"{name:<34} {'':>9} {share(taken, of):9.1f} {of:9d}")


def below(files, least, wanted):
    """What is said of the wanted rooms that have too little, or nothing."""
    said = [f"the way in: no branches of server/sync/{name}.c" for name in WAY_IN
            if WAY_IN_NAME in wanted and f"server/sync/{name}.c" not in files]
    totals = rooms(files)
    for room in wanted:
        taken, of = totals.get(room, (0, 0))
        if of == 0:
            said.append(f"{room}: nothing was counted")
        elif share(taken, of) < least:
            said.append(f"{room}: {share(taken, of):.1f} % of {of} branches, at least {least:g} %")
    return said


def print_lines(files, wanted, root):
    """Where branches were not taken. A line that never ran says 0."""
    for path, lines in sorted(files.items()):
        if wanted not in path:
            continue
        with open(os.path.join(root, path), encoding="utf-8") as file:
            source = file.read().split("\n")
        for number, (_, taken, of) in sorted(lines.items()):
            if taken < of:
                print(f"{path}:{number}: {taken}/{of}  {source[number - 1].strip()}")


def main(arguments):
    """Prints what was asked for, and at last what is wrong. Returns the exit code."""
    root = os.getcwd()
    files, wrong = counted(arguments[1], root)
    if not files:
        wrong.append(f"{arguments[1]}: nothing was counted")
    if len(arguments) > 2 and arguments[2] != "--least":
        print_lines(files, arguments[2], root)
    else:
        print_table(files)
        if len(arguments) > 2:
            wrong += below(files, float(arguments[3]), arguments[4:])
    for what in wrong:
        print(f"not ok coverage: {what}")
    return 1 if wrong else 0


sys.exit(main(sys.argv))
