"""What is wrong with the words of a command line, each in one sentence: those that no text is, and those that the
parser refuses."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from hourglass_bench.architectures.bounds import shown
from hourglass_bench.bench.commands.parameters import Parameter
from hourglass_bench.bench.commands.secrets import with_password
from hourglass_bench.bench.commands.typed import meant
from hourglass_bench.bench.fields import LONGEST_TEXT, is_text

if TYPE_CHECKING:
    from tyro._errors import ParseErrorEvent


def wrong_word(words: Sequence[str]) -> str:
    """Why one of them cannot be meant, or nothing: no file, database or report takes it."""
    for word in words:
        if len(word) > LONGEST_TEXT:
            return f"words must have at most {LONGEST_TEXT:,} characters, got {len(word):,}: {shown(word)}."
        if not is_text(word):
            return f"words must be text in UTF-8 without NUL, got {word!a}; rename a file that is called so."
    return with_password(words)


def in_sentences(
    words: Sequence[str], takes: Iterable[Parameter], refuse: Callable[[str], object]
) -> AbstractContextManager[Any]:
    """Within the context `refuse` is told what tyro would print in a box, and is to raise.

    tyro calls this hook of its private: without it there are boxes, and so there are for what is not known here.

    Args:
        words: of the command line, after the verb.
        takes: what the command takes.
    """
    known = {one.flag or one.name: one for one in takes}

    try:
        from tyro._errors import on_parse_error
    except ImportError:
        return nullcontext()

    def hook(event: "ParseErrorEvent", /) -> None:
        if said := _sentence(event, words, known):
            refuse(said)

    return on_parse_error(hook)


def _sentence(event: "ParseErrorEvent", words: Sequence[str], takes: Mapping[str, Parameter]) -> str:
    from tyro import _errors as refused

    if isinstance(event, refused.UnrecognizedArgs):
        first = event.tokens[0]
        near = meant(first, takes) if first.startswith("--") else "."
        return f"words must be flags and arguments of the command, got {shown(' '.join(event.tokens))}{near}"
    if isinstance(event, refused.MissingArgs):
        names = ", ".join(missing.arg.display_name() for missing in event.missing_arguments)
        return f"{names} must be given, got none."
    argument = getattr(event, "argument", None)
    if argument is None:
        return ""
    name = argument.display_name()
    got = _given(name, words)
    if isinstance(event, refused.InvalidChoice):
        known = takes[name].choices
        return f"{name} must be one of {', '.join(known)}, got {shown(event.value)}{meant(event.value, known)}"
    if isinstance(event, refused.BadValue):
        return f"{name} must have a value, got none." if not got else f"{name} must stand alone, got {shown(got[0])}."
    rule = _rule(takes[name].kind, argument.lowered.metavar)
    return f"{name} must be {rule}, got {' '.join(map(shown, got)) or 'none'}."


def _rule(kind: Any, metavar: str | None) -> str:
    """What the values of a flag are."""
    name = str(kind)
    for word, one, several in (("int", "a whole number", "whole numbers"), ("float", "a number", "numbers")):
        if word in name:
            return several if "tuple" in name else one
    return "a file or folder by its name" if "Path" in name else (metavar or "").strip("{}")


def _given(flag: str, words: Sequence[str]) -> list[str]:
    """The words of the flag's value, where it stands last."""
    spelled = [word.partition("=")[0].replace("_", "-") if word.startswith("--") else "" for word in words]
    if flag not in spelled:
        return []
    at = len(spelled) - 1 - spelled[::-1].index(flag)
    _, is_joined, value = words[at].partition("=")
    return [value] if is_joined else list(takewhile(lambda word: not word.startswith("--"), words[at + 1 :]))
