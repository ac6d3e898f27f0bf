#!/usr/bin/env python3
"""The reference of the commands, made from what the program says of itself (`imgforge help --json`).

    reference.py IMGFORGE markdown FILE      docs/reference/commands.md
    reference.py IMGFORGE man FOLDER         imgforge.1.gz and imgforge-COMMAND.1.gz for each command ("env pin" is imgforge-env-pin)

Nothing in the output depends on the time or the machine.
"""
import gzip
import json
import pathlib
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field


@dataclass
class Example:
    command: str
    remark: str = ""


@dataclass
class Details:
    """The text behind --help: paragraphs in their order, examples apart."""
    paragraphs: list = field(default_factory=list)
    examples: list = field(default_factory=list)


def table(program):
    """What the program says of itself."""
    said = subprocess.run([program, "help", "--json"], capture_output=True, text=True, check=True)
    return json.loads(said.stdout)


def read_details(text):
    """Paragraphs are separated by empty lines; the one that begins with "Example:" holds a command a line, indented by two,
    with a remark behind two or more blanks, which may go on in the next line."""
    details = Details()
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        lines = block.split("\n")
        if not re.fullmatch(r"Examples?:", lines[0]):
            if block.strip():
                details.paragraphs.append(lines)
            continue
        for line in lines[1:]:
            if line.startswith("      ") and details.examples:
                details.examples[-1].remark += " " + line.strip()
                continue
            command, _, remark = line.strip().partition("  ")
            details.examples.append(Example(command, remark.strip()))
    return details


def spelled(option):
    """-o, --output DIR"""
    words = "--" + option["name"] + (" " + option["placeholder"] if option["placeholder"] else "")
    return "-%s, %s" % (option["letter"], words) if option["letter"] else words


def hyphened(command):
    """As a page or an anchor is named; some commands have names of two words."""
    return command["name"].replace(" ", "-")


def indented(paragraph):
    """A list or a table, whose lines are kept."""
    return all(line.startswith("  ") for line in paragraph)


def synopsis(command):
    return ("imgforge %s %s" % (command["name"], command["synopsis"])).strip()


# Markdown


def cell(text):
    return text.replace("|", "\\|")


def options_table(options):
    rows = ["| option | |", "|---|---|"]
    rows += ["| `%s` | %s |" % (cell(spelled(option)), cell(option["help"])) for option in options]
    return rows


def example_block(examples):
    width = max(len(example.command) for example in examples)
    rows = ["```console"]
    for example in examples:
        line = "$ " + example.command
        rows.append(line + " " * (width + 2 - len(line)) + "    # " + example.remark if example.remark else line)
    return rows + ["```"]


def markdown(program):
    said = table(program)
    out = ["# Commands", "",
           "Made from the program by `docs/tools/reference.py`; do not edit. `imgforge COMMAND --help` and `man imgforge-COMMAND` say the same.",
           "What comes out as JSON: [json.md](json.md). Exit codes: [exit-codes.md](exit-codes.md).", "",
           "| command | |", "|---|---|"]
    out += ["| [`%s`](#%s) | %s |" % (one["name"], hyphened(one), cell(one["summary"])) for one in said["commands"]]
    out += ["", "Options of every command:", ""] + options_table(said["common_options"])
    for command in said["commands"]:
        details = read_details(command["details"])
        out += ["", "## " + command["name"], "", command["summary"][0].upper() + command["summary"][1:] + ".", "",
                "```", synopsis(command), "```"]
        for paragraph in details.paragraphs:
            out += ["", "```"] + [line[2:] for line in paragraph] + ["```"] if indented(paragraph) else [""] + paragraph
        if command["options"]:
            out += [""] + options_table(command["options"])
        if details.examples:
            out += [""] + example_block(details.examples)
    return "\n".join(out) + "\n"


# Manual pages


def roff(text):
    """Text as roff means it: backslashes, hyphens that are copied into shells, and a first character that is no request."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga").replace("^", "\\(ha")
    text = text.replace("~", "\\(ti").replace("…", "...").replace("→", "\\(->")
    return "\\&" + text if text.startswith(".") else text


def man_options(options):
    out = []
    for option in options:
        letter = "\\fB\\-%s\\fR, " % option["letter"] if option["letter"] else ""
        value = " \\fI%s\\fR" % roff(option["placeholder"]) if option["placeholder"] else ""
        out += [".TP", "%s\\fB\\-\\-%s\\fR%s" % (letter, roff(option["name"]), value), roff(option["help"])]
    return out


def man_head(name, summary, version):
    return ['.TH "%s" "1" "" "imgforge %s" "imgforge"' % (name.upper(), version), ".nh", ".SH NAME",
            "%s \\- %s" % (roff(name), roff(summary))]


def man_command(command, said):
    details = read_details(command["details"])
    out = man_head("imgforge-" + hyphened(command), command["summary"], said["version"])
    out += [".SH SYNOPSIS", "\\fBimgforge %s\\fR %s" % (roff(command["name"]), roff(command["synopsis"]))]
    if details.paragraphs:
        out.append(".SH DESCRIPTION")
        for number, paragraph in enumerate(details.paragraphs):
            out += [".PP"] if number else []
            lines = [roff(line) for line in paragraph]
            out += [".nf"] + lines + [".fi"] if indented(paragraph) else lines
    if command["options"]:
        out += [".SH OPTIONS"] + man_options(command["options"])
    out += [".SH COMMON OPTIONS"] + man_options(said["common_options"])
    if details.examples:
        out.append(".SH EXAMPLES")
        for example in details.examples:
            if example.remark:
                out += [".PP", roff(example.remark[0].upper() + example.remark[1:]) + ":"]
            out += [".PP", ".RS 4", ".nf", "\\fB%s\\fR" % roff(example.command), ".fi", ".RE"]
    out += [".SH EXIT STATUS", "See", ".BR imgforge (1).", ".SH SEE ALSO", ".BR imgforge (1)"]
    return "\n".join(out) + "\n"


def by_exit_code(said):
    codes = {}
    for kind, code in said["error_kinds"].items():
        codes.setdefault(code, []).append(kind.replace("_", " "))
    return sorted(codes.items())


def man_program(said):
    out = man_head("imgforge", "OCI images for GPU work, built from a locked specification, the same bytes every time", said["version"])
    out += [".SH SYNOPSIS", "\\fBimgforge\\fR \\fICOMMAND\\fR [options]", ".SH DESCRIPTION"]
    text = ("A spec under specs/ says what an image is. imgforge lock resolves it once into NAME.lock.json; imgforge build makes the "
            "image from the lock, the same bytes every time. Results go to standard output, progress and messages to standard error.")
    out += [roff(line) for line in textwrap.wrap(text, 100)] + [".SH COMMANDS"]
    for command in said["commands"]:
        out += [".TP", ".BR imgforge\\-%s (1)" % roff(hyphened(command)), roff(command["summary"])]
    out += [".SH COMMON OPTIONS"] + man_options(said["common_options"])
    out += [".SH EXIT STATUS", ".TP", "0", "done"]
    for code, kinds in by_exit_code(said):
        out += [".TP", str(code), roff(", ".join(kinds))]
    out += [".SH FILES", ".TP", "\\fI\\(ti/.config/imgforge/config.yaml\\fR, \\fI/etc/imgforge/config.yaml\\fR", "the configuration",
            ".TP", "\\fI\\(ti/.local/share/imgforge/store\\fR", "the store", ".SH SEE ALSO"]
    names = [".BR imgforge\\-%s (1)" % roff(hyphened(command)) for command in said["commands"]]
    out += [name + "," for name in names[:-1]] + names[-1:]
    return "\n".join(out) + "\n"


def man_pages(program):
    """{file name: text}"""
    said = table(program)
    pages = {"imgforge-%s.1" % hyphened(command): man_command(command, said) for command in said["commands"]}
    pages["imgforge.1"] = man_program(said)
    return pages


def main(words):
    if len(words) != 3 or words[1] not in ("markdown", "man"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    program, what, target = words
    if what == "markdown":
        pathlib.Path(target).write_text(markdown(program), encoding="utf-8")
        return 0
    folder = pathlib.Path(target)
    folder.mkdir(parents=True, exist_ok=True)
    pages = man_pages(program)
    for old in folder.glob("imgforge*.1.gz"):
        if old.name.removesuffix(".gz") not in pages:
            old.unlink()
    for name, text in pages.items():
        (folder / (name + ".gz")).write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
