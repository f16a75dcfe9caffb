"""A model from a file, whoever wrote it: this project, Keras 2 or 3, or PyTorch. Its first bytes show which.

The architecture follows from the shapes. Files are untrusted: nothing in one is executed, and what is another network
than ours is refused by name. A vocabulary that the file does not have comes from a char_to_idx.json beside it.
"""

from pathlib import Path

from lstm import kernels
from lstm.io import InputError, Remedied, places, require
from lstm.io.command_line import path_name, whole
from lstm.io.files import is_there, read_bytes, read_text
from lstm.io.hdf5 import SEAL, opened, parsed, said_of
from lstm.io.hdf5_format import SIGNATURE
from lstm.model import CharRNN
from lstm.storage import keras_files, pytorch_files
from lstm.storage.checkpoint import (
    BEST,
    NOT_WEIGHTS,
    Checkpoint,
    config_of,
    find_weights,
    is_ours,
    parameters_of,
    read_ours,
    widths_of,
)
from lstm.storage.exported import BESIDE
from lstm.storage.keras_files import HARD_SIGMOID, SIGMOID, ZIP, Found, HardSigmoid, archive_in
from lstm.vocabulary import Vocabulary

NOT_READ = "not a model that this program reads: lstm/EXCHANGE.md says which are"
PICKLE = b"\x80"  # how a file of the first PyTorch begins
UNSEALED = "{} has no checksum, as files of Keras and PyTorch: if it is damaged, it may not show"
IN_TUNES = {*"XTMLK:|/\n0123456789ABCDEFGabcdefg"}  # what no text of ABC tunes can do without
UNTIL = (2, 3)  # before this version of Keras an LSTM had hard_sigmoid, unless told otherwise
NAMED = "char_to_idx.json"
SAYS_ITSELF, LEAVE_OUT = "it says its characters itself", "leave the vocabulary out"


def load(path, vocabulary_file=None, backend=kernels, recurrent_activation=None):
    """The Checkpoint in a file. Its precision is the file's, float32 at least.

    vocabulary_file: a char_to_idx.json, for a file that does not say its characters.
    recurrent_activation: "sigmoid" or "hard_sigmoid", for a file that does not say it; see `keras_files.HardSigmoid`.
    `.remarks` says what the file does not vouch for.
    Raises InputError for a file that cannot be read, is damaged, or is another network.
    """
    if recurrent_activation not in (None, SIGMOID, HARD_SIGMOID):
        raise InputError(f"recurrent activation {recurrent_activation!r} must be {SIGMOID} or {HARD_SIGMOID}")
    image = read_bytes(path, "a model")
    how = path, vocabulary_file, backend, recurrent_activation
    if not image.startswith((SEAL, SIGNATURE)):
        with said_of(path, NOT_READ):
            found, facts = found_in(image, path)
            summed = image.startswith(ZIP)  # which has a checksum of each member
            return foreign(found, facts, [] if summed else [UNSEALED.format(path)], *how)
    with opened(image, path, NOT_WEIGHTS if image.startswith(SEAL) else NOT_READ) as (root, sealed):
        if is_ours(root, sealed):
            settled(SIGMOID, recurrent_activation)
            require(vocabulary_file is None, SAYS_ITSELF, LEAVE_OUT)
            return read_ours(root, sealed, () if sealed else (UNSEALED.format(path),), backend)
        return foreign(keras_files.from_hdf5(root), {}, [UNSEALED.format(path)], *how)


def found_in(image, path):
    """(the Found in the bytes of a file that is not HDF5, what `about` says in one that we wrote)."""
    ending = Path(path).suffix
    if image.startswith(ZIP):
        with archive_in(image) as archive:
            if is_keras(archive):
                return keras_files.from_keras(archive), {}
    if image.startswith((ZIP, PICKLE)) or ending == ".pt":
        weights, facts = pytorch_files.from_pt(image), {}
    else:
        of_safetensors = image[8:9] == b"{" or ending == ".safetensors"
        require(of_safetensors, "it is neither HDF5 nor .keras nor .safetensors nor .pt")
        weights, facts = pytorch_files.from_safetensors(image)
    return Found(pytorch_files.network_of(weights), SIGMOID, None), facts


def foreign(found, facts, remarks, path, vocabulary_file, backend, recurrent_activation):
    """The Checkpoint of what another program wrote."""
    activation = settled(found.recurrent_activation, recurrent_activation)
    old = found.version is not None and found.version < UNTIL
    if activation is None and old:
        version = ".".join(map(str, found.version))
        remarks.append(
            f"{path} is of Keras {version}, where an LSTM had {HARD_SIGMOID} unless told otherwise (in TensorFlow 2 it "
            f"had not); if what comes is poor, try sample.py --recurrent-activation {HARD_SIGMOID}"
        )
    if activation == HARD_SIGMOID:
        backend = HardSigmoid(found.version)
        remarks.append(f"{path} has {HARD_SIGMOID} gates: it composes and is measured, by NumPy, and is not trained")
    config = config_of(found.network)
    widths = widths_of(found.network)
    if len({*widths}) > 1:
        said = ", ".join(map(str, widths))
        remarks.append(f"{path} has layers of {said} cells; here all have {config.units}, and those added stay 0")
    if found.recurrent_activation is None or found.version is None and not facts:
        gates = activation or SIGMOID
        remarks.append(f"{path} has arrays alone: that its layers stand in a row, with tanh and {gates}, is assumed")
    vocabulary, place = vocabulary_of(facts, path, vocabulary_file, config.vocabulary)
    if place and not vocabulary_file:
        remarks.append(f"its characters are those of {place}")
    abc = facts.get("abc")
    if not isinstance(abc, bool):
        abc = IN_TUNES <= {*vocabulary.characters}
        taken = "ABC tunes, because its characters can" if abc else "plain text, because its characters cannot"
        remarks.append(f"{path} does not say what it learnt: it is taken for {taken} write such tunes")
    model = CharRNN(config, parameters_of(found.network, config), backend)
    return Checkpoint(model, vocabulary, abc=abc, remarks=tuple(remarks))


def is_keras(archive):
    """Whether a ZIP archive is a .keras, else it is a .pt. Refuses another one, such as the .npz of NumPy."""
    names = archive.namelist()
    pickled = any(name.endswith("data.pkl") for name in names)
    require("config.json" in names or pickled, "it is a ZIP archive of neither Keras nor PyTorch")
    return not pickled


def settled(said, given):
    """The recurrent activation, by what the file says and what the user says; None where nobody says any."""
    differs = f"its gates have {said}, and --recurrent-activation says {given}"
    require(None in (said, given) or said == given, differs, "leave that out")
    return said or given


def vocabulary_of(facts, path, vocabulary_file, V):
    """(the Vocabulary of V characters of a model, the file it comes from or None): it says them itself, or the user
    names a file of them, or one stands beside it."""
    if "vocabulary" in facts:
        require(vocabulary_file is None, SAYS_ITSELF, LEAVE_OUT)
        vocabulary = Vocabulary(str(facts["vocabulary"]))
        require(len(vocabulary) == V, f"it has {V} characters, and names {len(vocabulary)}")
        return vocabulary, None
    beside = Path(f"{path}{BESIDE}"), Path(path).parent / NAMED
    try:
        place = vocabulary_file or next(filter(is_there, beside), None)
        wanted = f"name the {NAMED} that it was trained with by --vocabulary, or put it beside the file"
        require(place, f"it has no vocabulary of its {V} characters", wanted)
        text = read_text(place)
    except InputError as error:  # of the other file, with its own remedy
        raise Remedied(str(error)) from error
    require(len(text) <= 1000 + 100 * V, f"{place} is too long", wanted)
    try:
        return Vocabulary(numbered_in(parsed(text), V)), place
    except (ValueError, InputError) as error:
        raise Remedied(f"{place} does not number {V} characters from 0: {error}; {wanted}") from error


def numbered_in(index, V):
    """The characters of an object of character -> id, in the order of the ids. Raises ValueError for another thing."""
    if not isinstance(index, dict):
        raise ValueError("it is no object of character and id")
    if all(isinstance(value, str) for value in index.values()):
        raise ValueError("it has ids and their characters; turn it round")
    long = next((name for name in index if len(name) != 1), None)
    if long is not None:
        raise ValueError(f"{long!r:.40} is not one character")
    if any(type(value) is not int for value in index.values()):
        raise ValueError("an id is no whole number")
    if sorted(index.values()) != list(range(V)):
        raise ValueError(f"it has {len(index)} characters, from {min(index.values())} to {max(index.values())}")
    return "".join(sorted(index, key=index.get))


# -- which model a command uses


def add_options(parser):
    """The options that name a model, for a parser of a command."""
    which = "whose weights to use: a number, or best for the lowest held-out loss (the newest; else those that ship)"
    parser.add_argument("epoch", type=whole(1, word=BEST), nargs="?", help=which)
    add = parser.add_argument_group("another model").add_argument
    add("--model-dir", type=path_name, metavar="DIR", default=places.MODELS, help="where weights.N.h5 are (model)")
    add("--weights", type=path_name, metavar="FILE", help="one from a file, of Keras or PyTorch too")
    add("--vocabulary", type=path_name, metavar="FILE", help=f"its characters, if it does not say them: a {NAMED}")
    activations = SIGMOID, HARD_SIGMOID
    add("--recurrent-activation", choices=activations, help="of its gates, if it does not say it (sigmoid)")


def named_model(options):
    """(path, Checkpoint) of the model that the options of `add_options` name."""
    if options.weights is not None and options.epoch is not None:
        raise InputError(f"{options.epoch} and --weights {options.weights} name two models; leave one out")
    path = find_weights(options.model_dir, options.epoch) if options.weights is None else Path(options.weights)
    return path, load(path, options.vocabulary, recurrent_activation=options.recurrent_activation)
