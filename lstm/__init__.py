"""A character-level LSTM by hand: NumPy, Numba, and nothing between you and the equations.

>>> import lstm
>>> model = lstm.load()  # the weights that ship; load(12) has those of your epoch 12, load("my.h5") those of a file
>>> tunes = lstm.compose(model, tunes=2, key="G", random_seed=1)  # texts in ABC notation; midi and svg make more of one
>>> nats = lstm.loss(model, tunes[0])  # per character
>>> gates = lstm.trace(model, tunes[0])[0]  # of the first layer: i f g o c h, (T, H) each
>>> training = lstm.train("the cat sat on the mat\\n" * 50, preset="tiny", units=16, epochs=2)
>>> losses = [record.loss for record in training]  # an epoch each
>>> mine = training.model

lstm/API.md has five short scripts. README.md here lists the modules; start with `cell.py`.
"""

import importlib
import sys
from pathlib import Path
from types import ModuleType

__all__ = ["load", "compose", "train", "trace", "loss", "gradcheck", "midi", "svg"]


class Package(ModuleType):
    """The package, which keeps its functions."""

    def __setattr__(self, name, value):
        # note: the import system makes each module it loads an attribute of the package. Three modules have the name
        # of a function here: `import lstm.loss` would put the module in the place of `lstm.loss(model, text)`.
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = Package


def version():
    """The installed version, or that of the checkout if nothing is installed."""
    metadata, configparser = map(importlib.import_module, ("importlib.metadata", "configparser"))
    try:
        return metadata.version("artificial-music-generator")
    except metadata.PackageNotFoundError:
        settings = configparser.ConfigParser()
        settings.read(Path(__file__).parent.parent / "setup.cfg", "utf-8")
        return settings["metadata"]["version"]


def __getattr__(name):
    """What is asked for the first time: nothing is imported before, because NumPy and Numba take their time."""
    if name in __all__:
        value = getattr(importlib.import_module("lstm.api"), name)
    elif name == "__version__":
        value = version()
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__, "__version__"})
