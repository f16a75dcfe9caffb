"""Figures that move: sliders above a picture, which is drawn anew for each of their values.

Each function returns a Moved, which a notebook shows as the last line of a cell. It gives the front end two forms of
itself, and that chooses: Jupyter takes the sliders; GitHub, nbconvert and all who do not run the notebook take the
picture of the first position. The file keeps the picture alone: `run.py` leaves the sliders out, because without the
kernel that made them a front end would show an error in their place, or "Loading widget" for ever.

It takes ipywidgets, of the extra `notebooks`. Without it there is the picture, and a line that says so.
"""

import base64
import functools
import io
from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from course import gradient_flow
from course.pictures import moved as pictures
from lstm import cell
from lstm.sampling import Draw, distribution, pick

try:
    import ipywidgets
except ImportError:
    ipywidgets = None

MISSING = 'To move the sliders: python -m pip install "ipywidgets>=8", and start the notebook again.'
LAGS, NETWORKS = 100, 3  # steps back, and new networks that are measured
AHEAD = 60  # characters of a continuation
BEFORE = 40  # characters that are shown before it


@dataclass(frozen=True)
class Slider:
    """What a slider may be set to, and where it stands at first."""

    name: str
    start: float
    low: float
    high: float
    step: float


class Moved:
    """A picture of some numbers, and sliders for them. draw(*values) -> Figure."""

    def __init__(self, draw, *sliders):
        self.draw, self.given = draw, sliders
        self.picture = self.png(*(slider.start for slider in sliders))
        self.sliders, self.box = (), None
        if ipywidgets is None:
            print(MISSING)
        else:
            self.build()

    def png(self, *values):
        """The picture for some values, as the bytes of a PNG."""
        figure, file = self.draw(*values), io.BytesIO()
        figure.set_dpi(80)
        # faster than `savefig`, which draws everything twice; level 1 packs nearly as well as the usual one
        FigureCanvasAgg(figure).print_png(file, pil_kwargs={"compress_level": 1})
        return file.getvalue()

    def build(self):
        """The sliders, and the picture that follows them."""
        wide = {"description_width": "9em"}
        self.sliders = [
            ipywidgets.FloatSlider(one.start, min=one.low, max=one.high, step=one.step, description=one.name,
                                   style=wide, layout={"width": "32em"})
            for one in self.given
        ]
        self.image = ipywidgets.Image(value=self.picture, format="png")
        for slider in self.sliders:
            slider.observe(self.follow, "value")
        self.box = ipywidgets.VBox([*self.sliders, self.image])

    def follow(self, _):
        """Draw anew for the values that the sliders have now."""
        self.image.value = self.png(*(slider.value for slider in self.sliders))

    def __repr__(self):
        return "<a picture with sliders: " + "; ".join(one.name for one in self.given) + ">"

    def _repr_mimebundle_(self, include=None, exclude=None):
        """Both forms; the sliders only where there are any."""
        still = {"text/plain": repr(self), "image/png": base64.b64encode(self.picture).decode()}
        return (self.box._repr_mimebundle_() if self.box is not None else {}) | still


# -- 02: one step of one unit


def one_step(i, f, g, o, c_before):
    """One step of one unit by `cell.forward`, with these gates: the values as cell_step.py names them, and gradients.

    The gradient that reaches h is 1, and nothing comes from a later step. {what: d loss / d what}.
    """
    z = np.array([np.log(i / (1 - i)), np.log(f / (1 - f)), np.arctanh(g), np.log(o / (1 - o))])
    nothing, U = np.zeros((1, 1)), np.zeros((1, 4))
    gates, h, c = cell.forward(z[None, None], nothing, np.full((1, 1), float(c_before)), U)
    dz, _, dc_before = cell.backward(np.ones((1, 1, 1)), nothing, nothing, gates.copy(), c, U)
    i, f, g, o = gates[0, 0]
    values = {"c_before": c_before, "i": i, "f": f, "g": g, "o": o, "kept": f * c_before, "written": i * g,
              "c": c[1, 0, 0], "tanh_c": np.tanh(c[1, 0, 0]), "h": h[1, 0, 0]}
    names = "$dc_{t-1}$", "$dz_i$", "$dz_f$", "$dz_g$", "$dz_o$"
    return values, dict(zip(names, map(float, (dc_before[0, 0], *dz[0, 0]))))


def one_cell():
    """A cell of one unit: sliders for its gates and for what it holds."""
    gate = {"low": 0.01, "high": 0.99, "step": 0.01}
    return Moved(
        lambda *values: pictures.cell_and_gradients(*one_step(*values)),
        Slider("i, write", 0.2, **gate), Slider("f, keep", 0.9, **gate), Slider("g, what", -0.6, -0.99, 0.99, 0.01),
        Slider("o, show", 0.7, **gate), Slider("cell before", 1.0, -3.0, 3.0, 0.1),
    )


# -- 05: a forget bias, and how long a memory it makes


@functools.cache
def measured(bias):
    """The share of a gradient that has come back by lag, (LAGS + 1,): the median of new networks."""
    curves = [gradient_flow.new_lstm(bias, LAGS, B=4, H=32, seed=seed) for seed in range(NETWORKS)]
    return np.median(curves, axis=0)


def kept(bias):
    """sigmoid(bias)^lag for each lag, (LAGS + 1,), and the lag at which it is one half."""
    f = cell.sigmoid(float(bias))
    return f ** np.arange(LAGS + 1), float(np.log(0.5) / np.log(f))


def forget_bias():
    """The share of a gradient that comes back, by lag: a slider for the forget bias."""
    low, high, step = 0.0, 6.0, 0.5
    for bias in np.arange(low, high + step, step):
        measured(float(bias))  # before the slider is moved, because it takes a moment

    def draw(bias):
        share, half_life = kept(bias)
        return pictures.memory(bias, share, measured(float(bias)), half_life)

    return Moved(draw, Slider("forget bias", 1.0, low, high, step))


# -- 08: what may follow


@dataclass(frozen=True)
class Reading:
    """A network that reads a text: the logits after each character, (T, V), and the states there."""

    model: object
    vocabulary: object
    text: str
    logits: np.ndarray
    states: list

    @classmethod
    def of(cls, model, vocabulary, text):
        """Read it, a character at a time, so that each state is there to go on from."""
        state, logits, states = model.initial_state(), [], []
        for k in vocabulary.encode(text):
            said, state, _ = model.forward(np.array([[k]]), state)
            logits.append(said[0, 0].astype(float))
            states.append(state)
        return cls(model, vocabulary, text, np.array(logits), states)

    def continuation(self, place, draw, count=AHEAD, seed=0):
        """A text of `count` characters that goes on after the character at that place; the same random numbers each
        time."""
        logits, state, ids = self.logits[place], self.states[place], []
        for uniform in np.random.default_rng(seed).random(count):
            ids.append(pick(distribution(logits, draw), uniform))
            said, state, _ = self.model.forward(np.array([[ids[-1]]]), state)
            logits = said[0, 0].astype(float)
        return self.vocabulary.decode(np.array(ids))


def next_character(model, vocabulary, text, first):
    """What may follow a place of the text, and how it goes on: sliders for the place, temperature and top-p.

    first: the first place of the slider, in characters; it ends with the text, and begins where most is open.
    """
    reading = Reading.of(model, vocabulary, text)

    def draw(place, temperature, top_p):
        how, place = Draw(float(temperature), top_p=float(top_p)), int(place)
        p, plain = (distribution(reading.logits[place], one) for one in (how, Draw()))
        before = text[max(0, place + 1 - BEFORE) : place + 1]
        return pictures.what_may_follow(before, vocabulary.characters, p, plain, reading.continuation(place, how))

    p = np.array([distribution(logits) for logits in reading.logits[first:]])
    most_open = first + int(np.argmax(-(p * np.log(p)).sum(axis=1)))
    return Moved(draw, Slider("place in the tune", most_open, first, len(text) - 1, 1),
                 Slider("temperature", 0.8, 0.05, 2.0, 0.05), Slider("top-p", 1.0, 0.05, 1.0, 0.05))
