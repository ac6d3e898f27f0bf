"""Finds the command lines of imgforge in documents, scripts and pipelines, and says what is wrong with one."""
import re
import shlex
from dataclasses import dataclass

SHELLS = {"console", "sh", "bash", "shell", ""}
WORD = r"(?:[\w./$\"{}]*/)?imgforge"
# Where a command begins: the start, behind a shell's separators, or behind words that run one.
BEGINS = re.compile(r"(?:^|[|;&(`]|\$\(|&&|\bthen|\bdo|\bif|\bexec|\bsudo|!|=)\s*((?:[A-Z_]+=(?:\"[^\"]*\"|'[^']*'|\S)*\s+)*)\"?(%s)\"?(?=\s|$)" % WORD)
SEPARATORS = {"|", "||", "&&", "&", ";", ";;", "(", ")", ">", ">>", "<", "<<", "<<<", "<(", "`"}


@dataclass
class Line:
    file: str
    number: int
    words: list  # behind "imgforge"
    loose: bool = False  # from running text, with [brackets] and a|choices


def split(text):
    """The words until the command ends."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars="|&;()<>`")
    lexer.commenters = "#"
    lexer.whitespace_split = True
    words = []
    try:
        for word in lexer:
            if word in SEPARATORS or set(word) <= set("|&;()<>`"):
                break
            words.append(word)
    except ValueError:  # a quote that is closed in a later line
        words = text.split()
    if words and words[-1] == "2":  # of "2>file"
        words.pop()
    return words


def commands_in(text):
    for match in BEGINS.finditer(text):
        yield split(text[match.end():])


def joined(lines):
    """(number, text) with lines that go on put together: a backslash at the end, or YAML's folded options."""
    out = []
    for number, line in lines:
        if out and out[-1][1].endswith("\\"):
            out[-1] = (out[-1][0], out[-1][1][:-1] + " " + line.strip())
        elif out and re.match(r"\s+--?[a-z]", line) and not re.match(r"\s*-\s", line) and "imgforge" in out[-1][1]:
            out[-1] = (out[-1][0], out[-1][1] + " " + line.strip())
        else:
            out.append((number, line))
    return out


def blocks(text):
    """(language, [(number, line)]) of fenced and indented code, and (None, lines) of running text."""
    language, block, prose = None, [], []
    for number, line in enumerate(text.splitlines(), 1):
        fence = re.match(r"\s*```(\w*)", line)
        if fence and language is None:
            language, block = fence.group(1), []
        elif fence:
            yield language, block
            language = None
        elif language is not None:
            block.append((number, line))
        elif re.match(r" {4,}\S", line):
            yield "", [(number, line.strip())]
        else:
            prose.append((number, line))
    yield None, prose


def in_markdown(name, text):
    for language, lines in blocks(text):
        if language is None:
            for number, line in lines:
                for code in re.findall(r"`(imgforge [^`]*)`", line):
                    words = re.sub(r"[\[\]…]|\.\.\.", " ", code.replace("\\|", "|")).split()[1:]
                    yield Line(name, number, words, loose=True)
            continue
        if language not in SHELLS and language not in ("yaml", "dockerfile"):
            continue
        if language == "console":
            # Output has no "$ "; what goes on does.
            kept, going = [], False
            for number, line in lines:
                if line.startswith("$ ") or going:
                    kept.append((number, line.removeprefix("$ ")))
                    going = line.endswith("\\")
            lines = kept
        for number, line in joined(lines):
            loose = "[--" in line or "|--" in line
            for words in commands_in(line.replace("[", " ").replace("]", " ") if loose else line):
                yield Line(name, number, words, loose)


def in_script(name, text):
    """Shell scripts, pipelines and manifests: also behind the dash of a list, within quotes, and as a list of words."""
    for number, line in joined(enumerate(text.splitlines(), 1)):
        stripped = line.strip()
        if stripped.startswith("#"):
            continue
        array = re.search(r"\[\s*\"?imgforge\"?\s*,(.*?)\]", stripped)
        if array:
            yield Line(name, number, [word.strip().strip("\"'") for word in array.group(1).split(",")])
            continue
        stripped = re.sub(r"^-\s+", "", stripped)
        stripped = re.sub(r"^(run|script|command|args):\s*[|>]?-?\s*", "", stripped)
        for words in commands_in(stripped):
            yield Line(name, number, words)


class Table:
    """The commands and their options, and those of the front that images carry."""

    def __init__(self, said, probe_help, planned=()):
        self.planned = set(planned)
        common = said["common_options"]
        self.commands = {one["name"]: {option["name"]: option for option in one["options"] + common} for one in said["commands"]}
        inside = {name: {"name": name, "letter": "", "placeholder": value} for name, value in re.findall(r"^  --([a-z-]+) ?([A-Z]*)", probe_help, re.M)}
        self.inside = {"probe": inside, "info": inside, "env check": inside}

    def problem(self, line):
        """None, or what is wrong."""
        words = [word for word in line.words if word]
        if not words or words[0] in ("--help", "-h", "--version"):
            return None
        name = words[0]
        if name == "help":
            return None if len(words) < 2 or words[1] in self.commands or words[1].startswith("--") else "no command " + words[1]
        if name == "__sandbox":
            return None
        if not re.fullmatch(r"[a-z][a-z-]*(\|[a-z-]+)*", name):
            return None if re.fullmatch(r"[A-Z…$]\S*|[A-Z]+", name) else "no command %r" % name
        if "|" in name:
            wrong = [one for one in name.split("|") if one not in self.commands]
            return "no command " + wrong[0] if wrong else None
        if name in self.planned - set(self.commands):
            return None
        if name not in self.commands and name not in self.inside:
            return "no command " + name
        if len(words) > 1 and name + " " + words[1] in self.commands:  # "env pin"
            words = [name + " " + words[1], *words[2:]]
            name = words[0]
        tables = [table[name] for table in (self.commands, self.inside) if name in table]
        problems = [self.options_problem(table, words[1:], line.loose) for table in tables]
        return None if None in problems else problems[0]

    def options_problem(self, options, words, loose):
        letters = {option["letter"]: option for option in options.values() if option["letter"]}
        position = 0
        while position < len(words):
            word = words[position]
            position += 1
            if word == "--":
                if options is self.inside["probe"]:
                    return "no --"
                return self.options_problem(self.inside["probe"], words[position:], loose) if options is self.commands["probe"] else None
            if word.startswith("--"):
                for alternative in word.split("|"):
                    option_name, equals, _ = alternative.removeprefix("--").partition("=")
                    option = options.get(option_name.rstrip(".,;:)"))
                    if option is None:
                        return "no option --" + option_name
                if option["placeholder"] and not equals:
                    position += 1
            elif re.match(r"-[A-Za-z]", word):
                option = letters.get(word[1])
                if option is None:
                    return "no option " + word[:2]
                if option["placeholder"] and len(word) == 2:
                    position += 1
        return None


def find(name, text):
    return list(in_markdown(name, text) if name.endswith(".md") else in_script(name, text))
