"""The search: its space, what is stopped, what is taken up again, and what the report says. Tiny nets throughout."""

import csv
import importlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from commands import TEXT, TUNE
from helpers import changed, run_command, tree
from lstm import explore
from lstm.exploration import report, space, storage, study, worker
from lstm.exploration.space import Range
from lstm.settings import PRESETS, USUAL
from lstm.storage.session import config_for, settings_for

train = importlib.import_module("lstm.train")  # because `lstm.train` is the function of that name
needs_optuna = pytest.mark.skipif(storage.optuna is None, reason="of the extra explore, and Optuna is not installed")
SMALL = ["--units", "4..12", "--embedding", "4", "--layers", "1", "2", "--batch-size", "4", "--seq-length", "20"]
SMALL += ["--warmup", "0", "--schedule", "constant", "--averaging", "0", "--input-dropout", "0"]
SMALL += ["--recurrent-dropout", "0", "--transpose", "0", "--epochs", "4"]
MANY = 12  # trials of a search that is watched
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, sys.path))}


def make_preset_small(patch):
    """It is trained beside the others in every search."""
    sizes = {"embedding": 4, "units": 8, "layers": 1, "input_dropout": 0.0, "recurrent_dropout": 0.0}
    settings = {"batch_size": 4, "seq_length": 20, "warmup": 0, "schedule": "constant", "averaging": 0.0}
    preset = PRESETS[USUAL]
    patch.setitem(PRESETS, USUAL, preset._replace(config=preset.config | sizes, settings=preset.settings | settings))


@pytest.fixture(autouse=True)
def the_preset_is_small_too(monkeypatch, request):
    if "larger" not in request.fixturenames:  # which is of processes that have the real one
        make_preset_small(monkeypatch)


def explored(*arguments):
    """Run the command in this process: (status, standard output, standard error)."""
    return run_command(explore.main, explore.NAME, *changed(arguments))


def job(text, directory, *arguments, small=SMALL):
    """The Job that a command has."""
    options = explore.parse(changed(["--input", text, "--log-dir", directory, *small, *arguments]))
    options.storage = options.storage or str(directory / "explore.journal")
    given = {name: getattr(options, name) for name in space.NAMES if getattr(options, name) is not None}
    storage.check_installed()
    corpus = explore.corpus_apart(options, {"input": [text], "encoding": None})
    return explore.job_of(options, corpus, *explore.suited(space.space_of(given), given, corpus, options.epochs))


def rows(directory):
    """The lines of explore.csv, without what depends on the clock."""
    with open(Path(directory, "explore.csv"), newline="", encoding="utf-8") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


# -- the space


def test_choices_are_values_or_ranges_and_what_is_not_named_is_as_ever():
    options = explore.parse(["--layers", "1", "2", "2", "--units", "64..512", "--learning-rate", "1e-3..4e-3"])
    given = {name: getattr(options, name) for name in ("layers", "units", "learning_rate")}
    found = space.space_of(given)
    assert found["layers"] == (1, 2) and found["units"] == Range(64, 512)
    assert found["learning_rate"] == Range(0.001, 0.004) and found["schedule"] == ("constant", "cosine")
    assert {name: space.words(choice) for name, choice in found.items()} == space.SPACE | {
        "layers": "1 2", "units": "64..512", "learning_rate": "0.001..0.004"}


@pytest.mark.parametrize("name", space.NUMBERS)
@pytest.mark.parametrize("value", ["-1", "1e99", "x", "", "nan"])
def test_a_value_that_training_refuses_is_refused_here(name, value):
    option = f"--{name.replace('_', '-')}"
    for parse in (explore.parse, lambda argv: train.parse(argv, "train.py")):
        assert run_command(parse, "x", f"{option}={value}")[0] == 2


@pytest.mark.parametrize("arguments, says", [
    (["--units", "512..64"], "from a smaller to a larger"),
    (["--units", "64.."], "'' must be a whole number"),
    (["--units", "64..128", "32"], "--units 64..128 32: a range stands alone"),
    (["--dropout", "0..1"], "'1' must be a number of at least 0 and less than 1"),
    (["--weight-decay", "0..1"], "must begin above 0"),
    (["--schedule", "linear"], "must be one of constant, cosine"),
    (["--trials", "3", "--hours", "1"], "not allowed with"),
    (["--batch-size", "4", "4000"], "too few for batch size 4000"),
    ([*SMALL, "--transpose", "0", "1"], "--transpose 1 needs ABC tunes in more than one key"),
    ([*SMALL, "--warmup", "1000"], "--warmup 1000 must be less than"),
    (["--report"], "to report on"),
    (["--input", "nowhere.txt"], "nowhere.txt"),
])
@needs_optuna
def test_what_cannot_be_is_refused_before_anything_starts(text, tmp_path, arguments, says):
    before = tree(tmp_path)
    usual = ["--input", text, "--log-dir", tmp_path / "logs"]
    status, out, err = explored(*(usual[2:] if "--input" in arguments else usual), *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1) and says in err
    assert tree(tmp_path) == before


def test_without_optuna_one_line_says_how_to_install_it(monkeypatch, text, tmp_path):
    monkeypatch.setattr(storage, "optuna", None)
    status, out, err = explored("--input", text, "--log-dir", tmp_path / "logs")
    assert (status, out, err.count("\n")) == (2, "", 1) and "pip install" in err and "explore" in err


@pytest.mark.parametrize("path", ["tunes.txt", "my 'best' $HOME tunes.txt"])
def test_the_command_that_is_printed_trains_these_options(path):
    options = space.usual_options() | {"units": 48, "learning_rate": 0.00123, "dropout": 0.25, "schedule": "cosine"}
    command = space.train_command(options, 7, 3, {"input": [path], "encoding": "latin-1"})
    python, script, *words = shlex.split(command)
    parsed = train.parse(words, "train.py")
    named = train.named_by_user(parsed)
    assert (python, Path(script).name, parsed.input, parsed.encoding) == ("python", "train.py", [path], "latin-1")
    made = vars(config_for(named, 5)) | vars(settings_for(named))
    assert {name: made[name] for name in options} == options and (made["epochs"], made["seed"]) == (7, 3)


# -- successive halving


def halved(curves):
    """After which epochs trials stop that come one after another: by hand."""
    ends, reached = [], {}
    for curve in curves:
        for epoch, loss in enumerate(curve, 1):
            if epoch == len(curve) or epoch & (epoch - 1):  # the last one, and what is no power of two
                continue
            reached.setdefault(epoch, []).append(loss)
            better = sum(other < loss for other in reached[epoch])
            if better >= max(1, len(reached[epoch]) // 2):
                break
        ends.append(epoch)
    return ends


@needs_optuna
def test_trials_stop_where_halving_by_hand_and_optunas_own_stop_them(text, tmp_path):
    rng = np.random.default_rng(5)
    curves = [[float(loss) for loss in np.sort(rng.random(8))[::-1]] for _ in range(30)]
    exploration = job(text, tmp_path, "--trials", 30, "--epochs", 8).exploration()
    pruner = storage.optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=study.FACTOR)
    theirs = storage.optuna.create_study(pruner=pruner)
    ends, their_ends = [], []
    for curve in curves:
        trial, told = exploration.search.ask(), []
        task = study.Task(exploration.search, trial, {}, 1, True)
        for loss in curve:
            told.append({"val_loss": loss})
            if not exploration.report(task, told):
                break
        else:
            exploration.complete(task, told)
        ends.append(len(told))
        trial = theirs.ask()
        for epoch, loss in enumerate(curve, 1):
            trial.report(loss, epoch)
            if epoch < len(curve) and trial.should_prune():
                theirs.tell(trial, state=storage.optuna.trial.TrialState.PRUNED)
                break
        else:
            theirs.tell(trial, curve[-1])
        their_ends.append(epoch)
    assert ends == halved(curves) == their_ends
    assert set(ends) == {1, 2, 4, 8}


@pytest.mark.parametrize("epochs, steps", [(1, []), (2, [1]), (4, [1, 2]), (5, [1, 2, 4]), (8, [1, 2, 4])])
def test_trials_are_compared_after_1_2_4_epochs(epochs, steps):
    assert study.rungs(epochs) == steps


def test_the_expected_epochs_are_those_of_halving():
    assert study.expected_epochs(24, 4) == 24 * 1 + 12 * 1 + 6 * 2
    assert study.expected_epochs(10, 1) == 10


# -- a search


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A search of six trials: (its folder, its arguments, standard output, standard error). Its text's name is markup.
    """
    if storage.optuna is None:
        pytest.skip("of the extra explore, and Optuna is not installed")
    directory = tmp_path_factory.mktemp("searched")
    text = directory / "<b>&tunes.txt"
    text.write_text(TEXT)
    arguments = ["--input", text, "--log-dir", directory / "logs", *SMALL, "--trials", 6, "--seed", 2]
    with pytest.MonkeyPatch.context() as patch:
        make_preset_small(patch)
        status, out, err = explored(*arguments)
    assert status == 0, err
    return directory / "logs", arguments, out, err


def test_a_search_tries_as_many_networks_as_it_was_told_and_stops_those_behind(searched):
    lines = rows(searched[0])
    first_seed = {row["trial"]: row for row in lines if row["seed"] == "2"}
    assert first_seed.keys() == {"the usual preset", *(f"trial {n}" for n in range(1, 6))}
    assert {row["state"] for row in first_seed.values()} == {"complete", "stopped"}


def test_the_best_and_the_preset_are_trained_from_three_seeds(searched):
    whole = {}
    for row in rows(searched[0]):
        if row["epoch"] == "4":
            whole.setdefault(row["trial"], set()).add(row["seed"])
    assert len(whole) == 5 and set(map(frozenset, whole.values())) == {frozenset("234")}
    assert "the usual preset" in whole


def test_the_command_of_the_best_goes_to_standard_output_and_training_takes_it(searched):
    _, arguments, out, err = searched
    _, _, *words = shlex.split(out)
    parsed = train.parse(words, "train.py")
    assert out.count("\n") == 1 and parsed.units <= 12 and parsed.seed == 2
    assert Path(parsed.input[0]).resolve() == Path(arguments[1]).resolve()
    assert "explore.html" in err.splitlines()[-1]


def test_the_same_command_again_finds_all_done_and_another_one_is_refused(searched):
    directory, arguments, out, _ = searched
    before = rows(directory)
    assert explored(*arguments)[:2] == (0, out) and rows(directory) == before
    status, _, err = explored(*arguments[:-4], "--trials", 6, "--seed", 3)
    assert status == 2 and "was begun with seed 2, not 3" in err and err.count("\n") == 1
    wider = [{"4..12": "4..13"}.get(word, word) for word in arguments]
    assert "units 4..12, not 4..13" in explored(*wider)[2]
    text = directory / "other.txt"
    text.write_text(TEXT.replace("Reel", "Jig"))
    assert "was begun with text " in explored("--input", text, *arguments[2:])[2]


def test_the_report_can_be_had_again_without_training(searched):
    directory, arguments, out, _ = searched
    (directory / "explore.html").unlink()
    assert explored(*arguments[:4], "--report")[:2] == (0, out)
    assert (directory / "explore.html").is_file()


def test_the_report_has_every_trial_and_no_markup_but_its_own(searched):
    directory, _, out, _ = searched
    page = (directory / "explore.html").read_text(encoding="utf-8")
    assert "<b>&tunes" not in page and "&lt;b&gt;&amp;tunes.txt" in page
    for row in rows(directory):
        assert f'<th scope="row">{row["trial"]}</th>' in page
    assert page.count('class="figure"') == 5 - 1  # too few trials to tell what mattered
    assert all(re.findall(r'<img class="figure"[^>]* alt="[^"]{20,}">', page))
    assert "src=\"http" not in page and "n-gram, order" in page and "4..12" in page


def test_a_browser_shows_the_page_whole_on_a_phone_too(searched, browser):
    page, complaints = browser.new_page(viewport={"width": 400, "height": 800}), []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto((searched[0] / "explore.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth)")
    assert page.locator("button").is_visible() and complaints == []
    page.close()


def test_nothing_depends_on_the_tunes_that_training_holds_out(searched, tmp_path):
    directory, arguments, _, _ = searched
    text = tmp_path / "tunes.txt"
    text.write_text(TEXT[: TEXT.index("X:37")] + "".join(f"X:{n}\nT:Zzz\nK:D\nzzz|\n\n" for n in range(37, 41)))
    status, _, err = explored("--input", text, "--log-dir", tmp_path / "logs", *arguments[4:])
    assert status == 0, err
    assert rows(tmp_path / "logs") == rows(directory)


@needs_optuna
def test_a_search_that_was_stopped_goes_on_as_if_it_never_had(searched, tmp_path, text):
    directory, arguments, _, _ = searched
    one = job(text, tmp_path, *arguments[-4:])
    for after in (40, 130, 300):  # steps
        stop, steps = SimpleNamespace(requested=False), iter(range(after))

        def show(share):
            stop.requested = next(steps, None) is None

        worker.work(one, one.exploration(), stop, show)
        assert stop.requested
    assert not list(tmp_path.glob(".lstm-*"))
    worker.work(one, one.exploration(), SimpleNamespace(requested=False))
    report.write_csv(tmp_path, one.exploration())
    assert sorted(map(str, rows(tmp_path))) == sorted(map(str, rows(directory)))


@needs_optuna
def test_a_trial_that_diverges_is_told_as_such_and_the_search_goes_on(text, tmp_path):
    arguments = ["--input", text, "--log-dir", tmp_path, *SMALL, "--trials", 2, "--learning-rate", "1e6"]
    status, out, err = explored(*arguments)
    assert (status, out) == (2, "") and "trial 0 failed: training diverged" in err.splitlines()[-1]
    assert {row["why it failed"][:17] for row in rows(tmp_path) if row["state"] == "failed"} == {"training diverged"}
    assert {row["trial"] for row in rows(tmp_path) if row["state"] == "complete"} == {"the usual preset"}


@pytest.mark.slow
@needs_optuna
@pytest.mark.parametrize("budget, epochs", [(["--epochs-in-all", 70], (70, 82)), (["--hours", 0.001], (18, 500))])
def test_a_budget_holds_with_what_the_best_still_need(text, tmp_path, budget, epochs):
    one = job(text, tmp_path, *budget)
    worker.work(one, one.exploration(), SimpleNamespace(requested=False))
    assert epochs[0] <= sum(len(run.curve) for run in one.exploration().all_runs()) <= epochs[1]


# -- workers that die


@needs_optuna
def test_the_trial_of_a_worker_that_died_here_is_taken_up_at_once(text, tmp_path):
    one = job(text, tmp_path, "--trials", 3)
    first, second = one.exploration(), one.exploration()
    with first.at_work():
        task = first.take(one.budget)
        first.report(task, [{"val_loss": 1.0}])
        other = second.take(one.budget)
        assert other.options != task.options  # it is alive
    (tmp_path / study.LOCK.format(first.who["worker"])).touch()  # as a kill leaves it
    again = second.take(one.budget)
    assert again.options == task.options and again.trial.number != task.trial.number
    assert not list(tmp_path.glob(".lstm-*"))
    assert [run.number for run in second.runs()] == [1, 0]  # one of each


@needs_optuna
def test_the_trial_of_a_worker_elsewhere_is_taken_up_after_a_silence(text, tmp_path, monkeypatch):
    one = job(text, tmp_path, "--trials", 2)
    first, second = one.exploration(), one.exploration()
    first.who["machine"] = "elsewhere"
    task = first.take(one.budget)
    second.take(one.budget)
    assert second.take(one.budget) == "wait"
    monkeypatch.setattr(study, "SILENCE", 0)
    first._sign(task.trial, first.who)
    assert second.take(one.budget) == "wait"  # it has given a sign
    assert second.take(one.budget).options == task.options
    with pytest.raises(storage.optuna.exceptions.UpdateFinishedTrialError):  # as `worker.run` takes it
        first.report(task, [{"val_loss": 1.0}])


@needs_optuna
def test_a_trial_that_kills_its_worker_again_and_again_is_given_up(text, tmp_path):
    one = job(text, tmp_path, "--trials", 1)
    for _ in range(study.TRIES):
        exploration = one.exploration()
        assert exploration.take(one.budget).trial
        (tmp_path / study.LOCK.format(exploration.who["worker"])).touch()
    exploration = one.exploration()
    exploration.take_up(exploration.search)
    (run,) = exploration.runs()
    assert (run.state, run.why) == ("failed", f"its process died {study.TRIES} times")


@needs_optuna
def test_workers_that_are_faster_leave_no_trial_too_many(text, tmp_path):
    one = job(text, tmp_path, "--trials", 2)
    first, second = one.exploration(), one.exploration()
    second._may_begin = lambda budget: True  # it looked before the others took the last
    assert first.take(one.budget).trial and first.take(one.budget).trial
    assert second.take(one.budget) == "wait"
    assert len(first.runs()) == 2


# -- where the study is kept


@needs_optuna
def test_a_journal_that_a_power_cut_has_torn_is_read_up_to_there(text, tmp_path):
    one = job(text, tmp_path, "--trials", 2)
    one.exploration().take(one.budget)
    with open(one.storage, "ab") as file:
        file.write(b'{"op_code":4,"wor')
    assert len(one.exploration().runs()) == 1
    assert one.exploration().take(one.budget).trial


@pytest.mark.parametrize("place, says", [
    ("{text}", "is no journal of a search"),
    ("{folder}", "name a file"),
    ("postgresql://me:pass:word@host:port/x", r"postgresql://\.\. is no address of a database"),
    ("nonesuch://me:secret@host/x", "Can't load plugin: sqlalchemy.dialects:nonesuch"),
    ("mysql+nonesuch://me:secret@host/x", "nonesuch"),
    ("postgresql+psycopg2://me:secret@127.0.0.1:1/x", "psycopg2|refused"),  # the driver or the server is missing
])
@needs_optuna
def test_a_storage_that_cannot_be_is_refused_in_one_line_without_its_password(text, tmp_path, place, says):
    place = place.format(text=text, folder=tmp_path)
    status, out, err = explored("--input", text, "--log-dir", tmp_path / "logs", *SMALL, "--storage", place)
    assert (status, out, err.count("\n")) == (2, "", 1) and re.search(says, err), err
    assert "secret" not in err and "pass:word" not in err


# -- real processes


def started(*arguments):
    """The command, as a process of its own."""
    argv = [sys.executable, "-m", "lstm.explore", *map(str, arguments)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT, text=True)


def running(commands, one, patience=120):
    """(the exploration, {process: the number of the trial that it is at}), as soon as there are two."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        for command in commands:
            assert command.poll() is None, command.stderr.read()
        exploration = one.exploration()
        trials = study.states(exploration.search, "RUNNING")
        processes = {trial.user_attrs["alive"]["process"]: trial.number for trial in trials
                     if "options" in trial.user_attrs and "alive" in trial.user_attrs}
        if len(processes) == 2:
            return exploration, processes
        time.sleep(0.05)
    raise AssertionError(f"no two workers came to work in {patience} seconds")


@pytest.fixture
def larger(tmp_path):
    """A text that the usual preset fits, and arguments of trials that take half a second: enough to be seen at work."""
    text = tmp_path / "tunes.txt"
    text.write_text("".join(f"X:{n}\n{TUNE}" for n in range(1, 200)))
    arguments = ["--units", "4..12", "--embedding", "4", "--layers", "1", "--batch-size", "1", "--seq-length", "16"]
    arguments += ["--epochs", "2", "--trials", str(MANY), "--warmup", "0", "--transpose", "0", "--threads", "1"]
    return text, arguments


def killed_and_ended(processes, one):
    """Kill a worker of the first of two commands (process ids), wait for both, and look at the study."""
    while True:
        exploration, workers = running(processes, one)
        victim, number = max(workers.items(), key=lambda worker: worker[1])
        os.kill(victim, signal.SIGSTOP)  # else it may have done with that trial by now
        if exploration.search.trials[number].state.name == "RUNNING":
            break
        os.kill(victim, signal.SIGCONT)
    os.kill(victim, signal.SIGKILL)
    options = exploration.search.trials[number].user_attrs["options"]
    ends = [(process.communicate(timeout=300), process.returncode) for process in processes]
    exploration = one.exploration()
    assert exploration.search.trials[number].user_attrs["given_up"] == "died"
    (again,) = [trial for trial in exploration.search.trials if trial.user_attrs.get("again") == number]
    assert again.user_attrs["options"] == options and again.user_attrs["alive"]["process"] != victim
    runs = exploration.runs()
    assert sorted(run.number for run in runs) == list(range(MANY))
    assert {run.state for run in exploration.all_runs()} <= {"complete", "stopped"}
    return ends


@pytest.mark.slow
@needs_optuna
@pytest.mark.skipif(os.name == "nt", reason="of a system with kill -9")
def test_of_two_processes_on_one_journal_one_is_killed_and_the_other_takes_up_its_trial(larger, tmp_path):
    text, arguments = larger
    place = ["--input", text, "--log-dir", tmp_path / "logs", *arguments]
    one = job(*place[1:4:2], *arguments, small=[])
    processes = [started(*place), started(*place)]
    ends = killed_and_ended(processes, one)
    assert sorted(status for _, status in ends) == [-signal.SIGKILL, 0]


@pytest.mark.slow
@needs_optuna
@pytest.mark.skipif(os.name == "nt", reason="of a system with kill -9")
def test_a_worker_that_is_killed_is_said_and_ctrl_c_ends_them_all(larger, tmp_path):
    text, arguments = larger
    place = ["--input", text, "--log-dir", tmp_path / "logs", *arguments, "--workers", 2]
    one = job(*place[1:4:2], *arguments, small=[])
    process = started(*place)
    _, workers = running([process], one)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and out == "" and "the same command goes on" in err, err
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    (((out, err), status),) = killed_and_ended([started(*place)], one)
    assert status == 0 and "ended with status -9; the others take up its trial again" in err, err
    train.parse(shlex.split(out)[2:], "train.py")


@pytest.fixture
def postgresql(tmp_path_factory):
    """The URL of a PostgreSQL server on the loopback address, in a temporary folder; its password is `right`."""
    pytest.importorskip("psycopg2", reason="there is no driver for PostgreSQL")
    folders = [os.environ.get("PATH", ""), *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")))]
    program = shutil.which("pg_ctl", path=os.pathsep.join(folders))
    if not program:
        pytest.skip("there is no PostgreSQL here")
    before, folder = [], Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        if not shutil.which("runuser") or subprocess.run(["id", "postgres"], capture_output=True).returncode:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        before = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def call(*words):
        done = subprocess.run([*before, *map(str, words)], cwd=folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    (folder / "password").write_text("right\n")
    os.chmod(folder / "password", 0o644)
    data = folder / "data"
    how = "-A scram-sha-256 -U explorer --pwfile"
    call(program, "-D", data, "-o", f"{how}={folder / 'password'}", "initdb")
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= -c fsync=off"
    call(program, "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
    try:
        yield f"postgresql+psycopg2://explorer:right@127.0.0.1:{port}/postgres"
    finally:
        call(program, "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.mark.slow
@needs_optuna
@pytest.mark.skipif(os.name == "nt", reason="of a system with kill -9")
def test_workers_share_a_study_in_postgresql_as_they_do_in_a_journal(postgresql, larger, tmp_path):
    text, arguments = larger
    wrong = postgresql.replace("right", "wr0ng")
    status, _, err = explored("--input", text, "--log-dir", tmp_path, *arguments, "--storage", wrong)
    assert status == 2 and err.count("\n") == 1 and "wr0ng" not in err and "authentication failed" in err
    place = ["--input", text, "--log-dir", tmp_path / "logs", *arguments, "--storage", postgresql, "--workers", 2]
    one = job(*place[1:4:2], *place[4:-2], small=[])
    (((out, err), status),) = killed_and_ended([started(*place)], one)
    assert status == 0 and "right" not in err, err
    assert not (tmp_path / "logs" / "explore.journal").exists()
