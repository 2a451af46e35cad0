# SPDX-License-Identifier: Apache-2.0
"""mutants.py - what tests/mutants/run and tests/lint/mutants read: list, edits and rows.

A mutant is hrun with one thing broken.  Those of `list` turn a protection off by a switch in the source; those of `edits` exchange lines of
it, so that a feature needs no switch.
"""
import os
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))


class Mutant:
    def __init__(self, words):
        self.name, self.tests = words[0], words[1:]
        self.edits = []  # [path, old, new]; none: a switch


def lines_of(name):
    with open(f"{HERE}/{name}") as f:
        for number, line in enumerate(f, 1):
            if line.strip() and not line.startswith("#"):
                yield f"tests/mutants/{name}:{number}", line.rstrip("\n")


def read_list():
    return [Mutant(line.split()) for _, line in lines_of("list")]


def read_edits():
    found = []
    for where, line in lines_of("edits"):
        kind, text = line[0], line[1:]
        if kind not in " -+":
            found.append(Mutant(line.split()))
        elif kind == " ":
            found[-1].edits.append([text.strip(), "", ""])
        else:
            edit = found[-1].edits[-1]
            if kind == "-" and edit[2]:
                raise ValueError(f"{where}: a line to be taken out stands below one to be put in")
            edit[1 if kind == "-" else 2] += text + "\n"
    return found


def read_mutants():
    return read_list() + read_edits()


def read_rows():
    """[(where, row, mutants, reason)]: for each row of docs/COMPATIBILITY.md who breaks it, or why nobody can."""
    found = []
    for where, line in lines_of("rows"):
        row, _, rest = (part.strip() for part in line.rpartition(" | "))
        found.append((where, row, [] if rest.startswith("- ") else rest.split(), rest[2:] if rest.startswith("- ") else ""))
    return found


def apply(text, edit):
    """TEXT with the edit, or None where its old lines are not there exactly once."""
    path, old, new = edit
    whole = "\n" + text
    return (whole.replace("\n" + old, "\n" + new, 1))[1:] if old and whole.count("\n" + old) == 1 else None


def edited(mutant):
    """{path: text} of all files that the mutant changes; ValueError where an edit does not apply."""
    texts = {}
    for path, old, new in mutant.edits:
        if path not in texts:
            with open(f"{TOP}/{path}") as f:
                texts[path] = f.read()
        texts[path] = apply(texts[path], (path, old, new))
        if texts[path] is None:
            raise ValueError(f"{mutant.name}: {path} does not have these lines exactly once:\n{old}")
    return texts


def changed_files(mutant):
    """The paths of the files that are compiled differently."""
    if mutant.edits:
        return {path for path, _, _ in mutant.edits}
    out = subprocess.run(["grep", "-rlw", f"HRUN_MUTANT_{mutant.name}", "src", "libexec"], cwd=TOP, capture_output=True, text=True).stdout
    return set(out.split())


def switches():
    """The names of all switches in the source."""
    out = subprocess.run(["grep", "-rhoE", r"HRUN_MUTANT_[A-Z0-9_]+", "src", "libexec"], cwd=TOP, capture_output=True, text=True).stdout
    return {re.sub("^HRUN_MUTANT_", "", name) for name in out.split()}
