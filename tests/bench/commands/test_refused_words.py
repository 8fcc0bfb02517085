"""What the parser refuses is one sentence, in the words of our own refusals."""

import re

import pytest

from hourglass_bench.__main__ import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("train --epochs text", "--epochs must be a whole number, got 'text'."),
        ("train --epochs=text", "--epochs must be a whole number, got 'text'."),
        ("train --batch_size text", "--batch-size must be a whole number, got 'text'."),
        ("train --epochs 3 --epochs x", "--epochs must be a whole number, got 'x'."),
        ("train --lr x", "--lr must be a number, got 'x'."),
        ("train --channels 4 x --epochs 2", "--channels must be whole numbers, got '4' 'x'."),
        ("sweep quick --epochs nan", "--epochs must be a whole number, got 'nan'."),
        ("train --norm btch", "--norm must be one of none, batch, group, got 'btch'; did you mean batch?"),
        ("train --epochs", "--epochs must have a value, got none."),
        (
            "train --epoch 3",
            "words must be flags and arguments of the command, got '--epoch 3'; did you mean --epochs?",
        ),
        ("train x y", "words must be flags and arguments of the command, got 'x y'."),
        ("predict --out a", "checkpoint, images must be given, got none."),
        ("sample x --interpolate a", "--interpolate must be STR STR, got 'a'."),
        ("train --runs=", "--runs must be a file or folder by its name, got ''."),
        ("check --dance", "unrecognized arguments: --dance."),
    ],
)
def test_what_the_parser_refuses_is_a_sentence(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="^2$"):
        main(words.split())
    see = f"See hourglass-bench {words.split()[0]} --help."
    assert capsys.readouterr() == ("", f"hourglass-bench: {said} {see}\n")


def test_words_that_are_no_text_are_refused_by_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for word in ("f\udce4", "a\0b"):
        for verb in ("train", "check", "dance"):
            assert main([verb, word]) == 2
            said = f"hourglass-bench: words must be text in UTF-8 without NUL, got {word!a}; rename a file that"
            assert capsys.readouterr().err.startswith(said)


def test_without_the_parsers_hook_there_are_its_boxes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is of a private module, which a later version may not have."""
    import tyro

    monkeypatch.delattr(tyro._errors, "on_parse_error")
    with pytest.raises(SystemExit, match="^2$"):
        main(["train", "--epochs", "text"])
    assert re.search("Error parsing --epochs", capsys.readouterr().err)
