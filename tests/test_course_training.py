"""Training in stages is training, and its pictures draw what they are given."""

from itertools import islice

import numpy as np
import pytest
from course import luck
from course.pictures import training as pictures
from course.staged_training import LONGEST, advance, bars_right, continuations, continued_by_counting

from lstm.evaluation.heldout import NGram
from lstm.model import CharRNN, Config, initial_parameters
from lstm.notation.tunes import END, PROMPT
from lstm.sampling import Draw, generate
from lstm.settings import Settings
from lstm.streams import generators
from lstm.training import Trainer
from lstm.vocabulary import Vocabulary

IDS = np.random.default_rng(5).integers(0, 7, 200)


def new_trainer():
    """A Trainer with 3 epochs of 7 steps."""
    config = Config(vocabulary=7, embedding=5, units=6, layers=1, dropout=0.3)
    return Trainer(
        CharRNN(config, initial_parameters(config, 3)), Settings(epochs=3, batch_size=4, seq_length=7), IDS[:198], IDS
    )


# -- stages


def test_a_run_in_stages_is_the_run():
    whole, staged = new_trainer(), new_trainer()
    records = list(whole.records())
    losses = [advance(staged, step) for step in (0, 3, 7, 9, 21)]
    assert list(map(len, losses)) == [0, 3, 4, 2, 12]
    np.testing.assert_array_equal(staged.model.parameters.flat, whole.model.parameters.flat)
    assert [record.val_loss for record in staged.history] == [record.val_loss for record in records]
    assert np.mean(losses[1] + losses[2]) == pytest.approx(records[0].loss)


def test_a_copy_of_the_model_stays_as_it_was():
    trainer = new_trainer()
    advance(trainer, 2)
    kept, then = trainer.model.copy(), trainer.model.parameters.flat.copy()
    advance(trainer, 4)
    np.testing.assert_array_equal(kept.parameters.flat, then)
    assert np.abs(trainer.model.parameters.flat - then).max() > 0
    again = new_trainer()
    advance(again, 2)
    logits = [model.forward(IDS[:9, None], model.initial_state())[0] for model in (kept, again.model)]
    np.testing.assert_array_equal(*logits)


VOCABULARY = Vocabulary.of("\n|:XKDabcd 1")


def test_continuations_are_what_is_composed_after_the_prime():
    config = Config(len(VOCABULARY), 5, 6, 1)
    model, prime = CharRNN(config, initial_parameters(config, 3)), PROMPT + "1\nK:D\n"
    tunes = continuations(model, VOCABULARY, prime, 3, 0.9, 5)
    for tune, rng in zip(tunes, generators(5, 3)):
        text = prime + "".join(islice(generate(model, VOCABULARY, prime, rng, Draw(0.9)), LONGEST))
        expected = text.lstrip("\n")
        assert expected.startswith(tune) and tune.startswith("X:1\nK:D\n")
        end = expected.find(END)
        assert tune == (expected[: end + 1] if end >= 0 else expected)


def test_an_n_gram_model_continues_too():
    n_gram = NGram("X:1\nK:D\nabc|abd|\n\nX:1\nK:D\nabd|\n\n", 3, VOCABULARY.characters)
    tunes = continued_by_counting(n_gram, PROMPT + "1\nK:D\n", 4, 0.1)
    assert len(tunes) == 4
    assert all(tune.startswith("X:1\nK:D\nab") and tune.endswith("\n") and END not in tune for tune in tunes)


def test_bars_are_counted_over_all_tunes():
    good, bad = "X:1\nM:2/4\nL:1/8\nK:C\nabcd|abcd|abcd|abcd|\n", "X:1\nM:2/4\nL:1/8\nK:C\nabcd|abc|abcd|ab|abcd|\n"
    assert bars_right([good]).value == 1
    mixed = bars_right([good, bad])
    assert mixed.value == pytest.approx(3 / 5)
    assert mixed.low < mixed.value < mixed.high


# -- pictures


def axes_of(figure):
    figure.draw_without_rendering()
    (axes,) = figure.axes
    return axes


def labels(axes):
    return axes.get_legend_handles_labels()[1]


def words(axes):
    return [text.get_text() for text in axes.texts]


def test_the_piles_are_as_wide_as_they_have_tunes():
    axes = axes_of(pictures.piles({"training": (80, 9000), "validation": (5, 600), "test": (15, 1500)}))
    assert [bar.get_width() for bar in axes.patches] == [80, 5, 15]
    assert [bar.get_x() for bar in axes.patches] == [0, 80, 85]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[:2] == ["training: 80 tunes, 9,000 characters", "validation: 5 tunes, 600 characters"]


def test_n_gram_models_are_drawn_by_order_with_the_best_marked():
    axes = axes_of(pictures.by_order([3.4, 1.65, 1.8], even=4.4))
    curve, best, line = axes.lines
    np.testing.assert_array_equal(curve.get_ydata(), [3.4, 1.65, 1.8])
    assert (best.get_xdata()[0], best.get_ydata()[0]) == (1, 1.65) and line.get_ydata()[0] == 4.4
    assert words(axes) == ["3.40", "1.65", "1.80"]


def test_the_schedule_is_a_rate_for_each_step():
    (line,) = axes_of(pictures.schedule([0.1, 0.3, 0.2])).lines
    assert list(line.get_xdata()) == [1, 2, 3] and list(line.get_ydata()) == [0.1, 0.3, 0.2]


def test_first_losses_are_drawn_with_the_even_guess_and_the_usual_size_marked():
    axes = axes_of(pictures.first_losses([0.1, 1.0, 10.0], [4.4, 4.5, 9.0], even=4.39))
    curve, mark, line = axes.lines
    np.testing.assert_array_equal(curve.get_ydata(), [4.4, 4.5, 9.0])
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (1.0, 4.5)
    assert line.get_ydata()[0] == 4.39
    assert words(axes) == ["4.400", "4.500", "9.000"]


def test_one_batch_has_a_line_for_each_run():
    axes = axes_of(pictures.one_batch({"right": [4, 1, 0.1], "a step too small": [4, 3.9, 3.8]}, 4.1))
    assert labels(axes) == ["right", "a step too small"]
    assert len({line.get_color() for line in axes.lines}) == 3


def test_progress_draws_every_loss_and_marks_the_lowest_validation_loss():
    losses = np.linspace(4, 1, 60)
    validated = {0: 4.2, 30: 2.0, 60: 2.5}
    axes = axes_of(pictures.progress(losses, validated, {"best n-gram": 1.7}, heard=(0, 30)))
    each, mean, curve, lowest = axes.lines[:4]
    np.testing.assert_array_equal(each.get_ydata(), losses)
    assert mean.get_ydata()[0] == pytest.approx(losses[:25].mean()) and mean.get_xdata()[0] == 13
    assert list(curve.get_xdata()) == [0, 30, 60]
    assert (lowest.get_xdata()[0], lowest.get_ydata()[0]) == (30, 2.0)
    assert words(axes) == ["best n-gram"]
    assert "lowest: 2.000 after 30 steps" in labels(axes) and "listened to" in labels(axes)


def test_progress_needs_no_lines():
    axes = axes_of(pictures.progress(np.ones(30), {0: 2.0, 30: 1.0}))
    assert words(axes) == [] and "listened to" not in labels(axes)


def test_stages_are_drawn_in_per_cent_in_their_order():
    axes = axes_of(pictures.by_stage({0: (0.1, 0.0, 0.2), 1000: (0.9, 0.8, 0.95)}, {"n-gram": (0.46, 0.4, 0.5)}))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "1,000", "n-gram"]
    network, _, _, other, low, high = axes.lines
    np.testing.assert_allclose(network.get_ydata(), [10, 90])
    assert network.get_linestyle() == "None"  # a line would say that the steps are to scale
    np.testing.assert_allclose([line.get_ydata()[0] for line in (other, low, high)], [46, 40, 50])


def test_tunes_are_counted_on_both_sides_of_the_diagonal():
    axes = axes_of(pictures.tune_by_tune([1.0, 1.2, 2.0], [1.5, 1.6, 1.9]))
    assert labels(axes) == ["the network is better: 2 tunes", "it is not: 1"]
    assert len(axes.lines[0].get_xdata()) == 2


def test_pairs_are_joined_by_seed():
    axes = axes_of(pictures.pairs([2.0, 2.1, 2.2], [1.9, 2.0, 2.15], "more dropout"))
    joined = [list(line.get_ydata()) for line in axes.lines[:3]]
    assert joined == [[2.0, 1.9], [2.1, 2.0], [2.2, 2.15]]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["as it is", "more dropout"]


def test_differences_are_dots_with_their_mean_and_its_interval():
    axes = axes_of(pictures.differences({"some": [0.1, 0.2, 0.3, 0.4], "none": [-1.0, 1.0, -1.0, 1.0]}))
    dots, mean, low, high = axes.lines[:4]
    assert list(dots.get_ydata()) == [0.1, 0.2, 0.3, 0.4] and mean.get_ydata()[0] == pytest.approx(0.25)
    half = 3.18 * np.std([0.1, 0.2, 0.3, 0.4], ddof=1) / 2
    assert (low.get_ydata()[0], high.get_ydata()[0]) == pytest.approx((0.25 - half, 0.25 + half))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["some", "none"]


# -- luck


def test_students_t_is_sure_of_nothing_in_one_experiment_of_twenty():
    for n in luck.T_95:
        # of 20,000 experiments the share has a standard deviation of 0.0015
        assert luck.fooled(luck.surely(n), n, experiments=20_000) == pytest.approx(0.05, abs=0.007), n
    assert luck.fooled(2, 4) > 0.13
    assert luck.surely(11) == luck.surely(10) and luck.surely(500) == 2.0
    with pytest.raises(ValueError):
        luck.surely(1)


def test_a_standard_error_is_that_of_the_mean():
    numbers = np.random.default_rng(2).normal(size=(3, 8))
    np.testing.assert_allclose(luck.standard_error(numbers), numbers.std(axis=1, ddof=1) / np.sqrt(8))
    assert luck.standard_error([1.0, 3.0]) == pytest.approx(1)
