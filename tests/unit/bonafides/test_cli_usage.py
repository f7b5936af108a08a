"""A command that is used wrongly says so as every wrong input is told: in one line, whichever command it is."""

import json

import click
import pytest

from bonafides.cli.main import cli, main


@pytest.fixture
def run(capsys):
    def call(*words):
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        return (ended.value.code, *capsys.readouterr())

    return call


def leaves(command=cli, path=()):
    """Every command that does something, by its words."""
    if not isinstance(command, click.Group):
        return [path]
    context = click.Context(command)
    found = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
    return [leaf for name, one in found for leaf in leaves(one, (*path, name))]


def test_an_unknown_option_is_one_line_of_one_shape_for_every_command(run):
    every = leaves()
    assert len(every) > 50
    for words in every:
        status, out, err = run(*words, "--no-such-option")
        help_ = " ".join(("bonafides", *words, "--help"))
        says = f"error: invalid-input no-such-option unknown-option is no option of this command; see `{help_}`\n"
        assert (status, out, err) == (2, "", says)


def test_what_has_to_be_given_is_named_in_one_line_for_every_command(run):
    asked = 0
    for words in leaves():
        command = cli
        for word in words:
            command = command.get_command(click.Context(command), word)
        if not any(one.required for one in command.params):
            continue
        asked += 1
        status, out, err = run(*words)
        assert (status, out, len(err.splitlines())) == (2, "", 1), err
        assert err.startswith("error: invalid-input ")
        assert err.split()[2] in {max(one.opts, key=len).lstrip("-") for one in command.params}, "not as it is typed"
        assert " required has to be given; see `" in err
    assert asked > 30, "hardly a command has to be given anything"


def test_asked_for_json_it_is_one_object(run):
    status, out, err = run("--json", "staff", "end", "--no-such-option")
    told = json.loads(err)
    assert (status, out, told["field"], told["rule"]) == (2, "", "no-such-option", "unknown-option")


@pytest.mark.parametrize("words", [("nonsense",), ("staff", "nonsense"), ("verify", "a", "b", "c"), ("--nonsense",)])
def test_words_that_are_no_command_or_too_many_are_one_line(run, words):
    status, out, err = run(*words)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith("error: invalid-input ")


def test_a_group_alone_shows_its_commands(run):
    status, out, err = run("staff")
    assert (status, out) == (2, "")
    assert "Usage: bonafides staff" in err
