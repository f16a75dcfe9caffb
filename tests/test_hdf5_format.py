"""The reader of HDF5 files: it gives what h5py gives, and a file that was made to do harm ends in one line."""

import io
import random
import re
import struct
import time
import tracemalloc
from contextlib import contextmanager

import h5py
import numpy as np
import pytest

from helpers import changed_image
from lstm import cell
from lstm.io import InputError, hdf5, hdf5_format
from lstm.io.hdf5_format import MOST_NAME, SPARE, File, Group, Malformed, Unsupported
from lstm.model import CharRNN, Config, initial_parameters
from lstm.storage import imported
from lstm.storage.checkpoint import Checkpoint, save_weights
from lstm.storage.resume import load_resume, save_resume
from lstm.vocabulary import Vocabulary

GROUP_NODE = b"TREE\0"  # a B-tree of a group, which level, entries, brothers, keys and children follow


def image_of(write, **options):
    """The bytes of a file that `write` fills by h5py."""
    image = io.BytesIO()
    with h5py.File(image, "w", **options) as file:
        write(file)
    return image.getvalue()


def as_h5py_reads(value):
    """A value of h5py's as ours are: texts as str."""
    if isinstance(value, h5py.Empty):
        return None
    if isinstance(value, (bytes, str)):
        return value.decode() if isinstance(value, bytes) else value
    if value.dtype.kind in "SO":
        return np.vectorize(as_h5py_reads, otypes=[object])(value) if value.size else value.astype(object)
    return value


def assert_same(ours, theirs):
    """Two values are the same, and so are their types."""
    theirs = as_h5py_reads(theirs)
    assert type(ours) is type(theirs)
    if isinstance(ours, (np.ndarray, np.generic)):
        assert ours.dtype == theirs.dtype.newbyteorder("=") and ours.dtype.isnative
        assert ours.shape == theirs.shape
        np.testing.assert_array_equal(ours, theirs)
    else:
        assert ours == theirs


def assert_read(ours, theirs):
    """A Group has what h5py finds in it, and nothing else, all the way down."""
    assert ours.attributes.keys() == theirs.attrs.keys()
    for name, value in theirs.attrs.items():
        assert_same(ours.attributes[name].read(), value)
    assert ours.members.keys() == theirs.keys()
    for name, member in theirs.items():
        if isinstance(member, h5py.Group):
            assert_read(ours.open(name), member)
        else:
            assert_same(ours.open(name).read(), member[()])


def assert_reads_as_h5py(write, **options):
    image = image_of(write, **options)
    with h5py.File(io.BytesIO(image), "r") as file:
        assert_read(File(image).root, file)


# -- what h5py writes

SHAPES = [(), (0,), (1,), (7,), (3, 5), (2, 0, 3), (2, 3, 4, 5)]
NUMBERS = [order + kind for order in "<>" for kind in "f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8".split()]
TEXTS = {
    **{"a text": "häß", "no text": "", "a long text": "ab" * 40_000, "bytes": b"abc", "fixed": np.bytes_("x y")},
    **{"texts": ["one", "", "drei"], "all fixed": np.array([b"one", b"", b"drei"]), "utf-8": np.array(["é".encode()])},
    **{"texts in two dimensions": [["a", "b"], ["c", "d"]], "none of fixed length": np.zeros(0, "S5")},
    **{"nothing": h5py.Empty("f4"), "true": True, "truths": np.array([[True, False]]), "a number": 5, "a float": 0.5},
}


@pytest.mark.parametrize("dtype", [*NUMBERS, "?"])
def test_numbers_of_every_type_and_shape_are_those_of_h5py(dtype):
    rng = np.random.default_rng(3)

    def write(file):
        for shape in SHAPES:
            values = rng.integers(0, 2 if dtype == "?" else 100, shape)
            file[f"dataset{shape}"] = file.attrs[f"attribute{shape}"] = np.asarray(values).astype(dtype)

    assert_reads_as_h5py(write)


def test_numbers_beyond_all_numbers_are_read():
    values = np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324, 1e308])
    image = image_of(lambda file: file.create_dataset("x", data=values))
    assert File(image).root.open("x").read().tobytes() == values.tobytes()


@pytest.mark.parametrize("value", TEXTS.values(), ids=TEXTS)
def test_an_attribute_is_that_of_h5py(value):
    assert_reads_as_h5py(lambda file: file.create_group("a").attrs.__setitem__("Ω", value))


def test_a_text_in_a_dataset_is_read():
    def write(file):
        file["texts"], file["fixed"] = ["a", "", "ccc"], np.array([[b"a", b"bb"]])

    assert_reads_as_h5py(write)


@pytest.mark.parametrize("count", [0, 1, 8, 9, 33, 500])
def test_a_group_of_many_members_is_read_whole(count):
    def write(file):
        group = file.create_group("many")
        for number in range(count):
            group[f"member {number * 7919 % 1000}"] = np.float32(number)

    assert_reads_as_h5py(write)


def test_groups_within_groups_and_many_attributes_are_read():
    def write(file):
        for depth in range(12):
            group = file.require_group("/".join("abcdefghijkl"[: depth + 1]))
            group.attrs["depth"] = depth
            group["array"] = np.arange(depth)
        for number in range(60):  # the header is continued elsewhere, more than once
            file.attrs[f"attribute {number}"] = "x" * number * 7

    assert_reads_as_h5py(write)


@pytest.mark.parametrize("block", [512, 1024, 2048, 65536])
def test_a_file_behind_a_block_of_the_users_is_read(block):
    assert_reads_as_h5py(lambda file: file.create_dataset("x", data=np.arange(5.0)), userblock_size=block)


@pytest.mark.parametrize("how", [
    *({"chunks": (4, 5)}, {"chunks": (40, 30)}, {"compression": "gzip"}, {"compression": "gzip", "shuffle": True}),
    *({"chunks": (1, 1)}, {"chunks": (7, 30), "shuffle": True}, {"maxshape": (None, 30)}),
], ids=str)
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i2"])
def test_an_array_in_chunks_is_put_together(how, dtype):
    values = np.random.default_rng(1).normal(0, 99, (40, 30)).round().astype(dtype)
    assert_reads_as_h5py(lambda file: file.create_dataset("x", data=values, **how))


def test_an_array_in_the_header_is_read():
    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    layout.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple((3,))

    def write(file):
        dataset = h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_FLOAT, space, layout)
        dataset.write(space, space, np.array([1, 2, 3], np.float32))

    assert_reads_as_h5py(write)


def test_hard_links_lead_to_one_object_and_an_external_link_spoils_only_itself():
    def write(file):
        file["a/x"] = np.arange(3)
        file["b"] = file["a"]
        file["outside"] = h5py.ExternalLink("/etc/hosts", "/x")

    root = File(image_of(write)).root
    assert root.open("a") is root.open("b")
    assert root.open("b").open("x").read().tolist() == [0, 1, 2]
    with pytest.raises(Unsupported, match="'outside' is a link"):
        root.open("outside")


def external(file):
    file.create_dataset("x", (2,), "f4", external=[("/etc/hostname", 0, 8)])


def virtual(file):
    layout = h5py.VirtualLayout((2,), "f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "data", shape=(2,))
    file.create_virtual_dataset("x", layout)


UNREAD = {
    "soft link": (lambda file: file.__setitem__("x", h5py.SoftLink("/y")), "is a link"),
    "external storage": (external, "in another file"),
    "virtual": (virtual, "in another file"),
    "compound": (lambda file: file.create_dataset("x", data=np.zeros(2, "f4,i4")), "compound"),
    "fletcher32": (lambda file: file.create_dataset("x", data=np.zeros(2), fletcher32=True), "filter 3"),
    "lzf": (lambda file: file.create_dataset("x", data=np.zeros(2), compression="lzf"), "filter 32000"),
    "sequences": (lambda file: file.create_dataset("x", (2,), h5py.vlen_dtype("f4")), "sequence"),
    "references": (lambda file: file.create_dataset("x", (2,), h5py.ref_dtype), "reference"),
    "an enumeration": (lambda file: file.create_dataset("x", (2,), h5py.enum_dtype({"A": 1})), "enumeration"),
    "a named type": (lambda file: file.__setitem__("x", np.dtype("f4")), "neither group nor dataset"),
    "order tracked": (lambda file: file.create_group("x", track_order=True), "header of version 2"),
}


@pytest.mark.parametrize("write, complaint", UNREAD.values(), ids=UNREAD)
def test_what_is_not_read_is_named(write, complaint):
    with pytest.raises(InputError, match=complaint):
        File(image_of(write)).root.open("x").read()


def test_a_file_of_the_newer_kind_is_refused_by_name():
    with pytest.raises(Unsupported, match="superblock of version [23]"):
        File(image_of(lambda file: None, libver="latest"))


def test_what_was_never_written_is_refused():
    unwritten = [("a", {}), ("b", {"chunks": (2,)})]
    image = image_of(lambda file: [file.create_dataset(name, (3,), "f4", **how) for name, how in unwritten])
    for name, complaint in (("a", r"stores 0 bytes, and the shape \(3,\) needs 12"), ("b", "0 of the 2 chunks")):
        with pytest.raises(Malformed, match=complaint):
            File(image).root.open(name).read()


# -- what was made to do harm


def patched(image, at, layout, *numbers):
    """The bytes with some numbers in another place."""
    return image[:at] + struct.pack(f"<{layout}", *numbers) + image[at + struct.calcsize(f"<{layout}") :]


def read_all(group, path=(), most=8):
    """Read all that is in a Group, down to some depth."""
    for value in group.attributes.values():
        value.read()
    for name in group.members:
        member = group.open(name)
        if not isinstance(member, Group):
            member.read()
        elif len(path) < most:
            read_all(member, (*path, name), most)


def one_group(file):
    file.attrs["text"] = "some words"
    file["array"] = np.arange(6, dtype="f4").reshape(2, 3)


def tree_that_is_its_own_child(image):
    """A node of members that says it is above itself."""
    at = image.index(GROUP_NODE)
    return patched(patched(image, at + 5, "BH", 1, 4), at + 24, "QQ" * 4, *[0, at] * 4)


def header_that_goes_on_with_itself(image):
    """An object header whose second message says: go on with this one."""
    (root,) = struct.unpack_from("<Q", image, 64)
    return patched(image, root + 16, "HHB3xQQ", 0x10, 16, 0, root + 16, 24)


def sized(image, *shape):
    """The bytes with another shape in the place of (2, 3)."""
    return image.replace(struct.pack("<2Q", 2, 3), struct.pack("<2Q", *shape))


@contextmanager
def memory_below(most):
    """Check how many bytes Python takes at most."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


CIRCLES = {"a tree": tree_that_is_its_own_child, "a header": header_that_goes_on_with_itself}
LIES = {
    "a huge shape": lambda image: sized(image, 2**40, 2**22),
    "a shape beyond 64 bits": lambda image: sized(image, 2**63, 2**63),
    "a shape with a zero": lambda image: sized(image, 2**63, 0),
    "a long text": lambda image: image.replace(b"\x0a\0\0\0", b"\xff\xff\xff\xff"),
    "a text that is not UTF-8": lambda image: image.replace(b"some words", b"some \xffords"),
    "a name that is not UTF-8": lambda image: image.replace(b"array", b"arra\xff"),
}


@pytest.mark.parametrize("make", CIRCLES.values(), ids=CIRCLES)
def test_a_file_that_refers_to_itself_comes_to_an_end(make):
    started = time.process_time()  # of this process alone, however busy the machine is
    with pytest.raises(Malformed, match="or refers to itself|twice"):
        read_all(File(make(image_of(one_group))).root)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("make", LIES.values(), ids=LIES)
def test_a_lie_is_refused_before_memory_is_taken(make):
    image = image_of(one_group)
    assert make(image) != image
    with memory_below(1e6), pytest.raises(Malformed):
        read_all(File(make(image)).root)


def test_a_group_within_itself_is_read_once():
    def write(file):
        file["x"] = 1
        file["again"] = file["/"]

    root = File(image_of(write)).root
    read_all(root, most=5)
    assert root.open("again") is root


def test_an_array_under_a_thousand_names_counts_a_thousand_times():
    def write(file):
        file["0"] = np.zeros(50_000)
        for number in range(1, 1000):
            file[str(number)] = file["0"]

    root = File(image_of(write)).root
    with pytest.raises(Malformed, match="claims to hold more than there is"):
        for name in root.members:
            root.open(name)


@pytest.mark.parametrize("size, refused", [(SPARE - 2**20, False), (SPARE + 2**20, True)], ids=["below", "above"])
def test_a_few_bytes_do_not_unfold_to_more_than_the_file_and_some(size, refused):
    def write(file):
        file.create_dataset("x", (size,), "u1", chunks=(2**20,), compression="gzip")[:] = 7

    image = image_of(write)
    assert len(image) < 2**17
    if refused:
        with pytest.raises(Malformed, match="it claims "):
            File(image).root.open("x")
    else:
        assert (File(image).root.open("x").read() == 7).all()


def test_a_chunk_that_unfolds_to_more_than_it_says_is_cut_off():
    image = image_of(lambda file: file.create_dataset("x", data=np.zeros(2**22, "u1"), chunks=(2**22,), compression=9))
    image = image.replace(struct.pack("<Q", 2**22), struct.pack("<Q", 2**10))  # the shape
    image = image.replace(struct.pack("<II", 2**22, 1), struct.pack("<II", 2**10, 1))  # of a chunk
    with memory_below(1e6), pytest.raises(Malformed, match="longer or shorter than it should be"):
        File(image).root.open("x").read()


def test_parts_and_texts_have_bounds(monkeypatch):
    image = image_of(lambda file: file.attrs.update(text="a" * 100))
    monkeypatch.setattr(hdf5_format, "MOST_PARTS", 20)
    with pytest.raises(Malformed, match="more than 20 parts"):
        File(image)
    monkeypatch.undo()
    monkeypatch.setattr(hdf5_format.File.text, "__defaults__", (99,))
    with pytest.raises(Malformed, match="a text of 100 bytes; the most that is read is 99"):
        File(image).root.attributes["text"].read()
    with pytest.raises(Malformed, match=f"longer than {MOST_NAME} bytes"):
        File(image_of(lambda file: file.create_group("a" * (MOST_NAME + 1))))


@pytest.mark.parametrize("share", [0, 0.01, 0.2, 0.5, 0.9, 0.999])
def test_a_file_without_its_end_is_refused(share):
    image = image_of(one_group)
    with pytest.raises(Malformed):
        File(image[: int(len(image) * share)])


# -- random changes


@pytest.fixture
def images(tmp_path):
    """(bytes, function that loads a path) of a weights file of ours, one without a word of ours, and a resume file."""
    config = Config(vocabulary=3, embedding=2, units=2, layers=1)
    checkpoint = Checkpoint(CharRNN(config, initial_parameters(config), cell), Vocabulary("abc"), 1)
    save_weights(tmp_path / "ours.h5", checkpoint)
    save_resume(tmp_path / "resume.h5", {"m": np.arange(5, dtype="f4")}, {"t": 1, "history": []})
    ours = (tmp_path / "ours.h5").read_bytes()

    def write(file):
        with h5py.File(io.BytesIO(ours), "r") as weights:
            file.attrs["layer_names"] = weights.attrs["layer_names"]
            for layer in weights:
                weights.copy(layer, file)

    (tmp_path / "char_to_idx.json").write_text('{"a": 0, "b": 1, "c": 2}')
    return [
        (ours, lambda path: imported.load(path, backend=cell)),
        (image_of(write), lambda path: imported.load(path, tmp_path / "char_to_idx.json", cell)),
        ((tmp_path / "resume.h5").read_bytes(), load_resume),
    ]


def test_a_changed_file_is_read_or_refused_in_one_line_and_in_time(images, monkeypatch):
    rng, refused = random.Random(12), 0
    for image, load in images:
        for _ in range(500):
            for module in (hdf5, imported):
                monkeypatch.setattr(module, "read_bytes", lambda path, kind, changed=changed_image(image, rng): changed)
            started = time.process_time()
            try:
                load("w.h5")
            except InputError as error:
                assert re.fullmatch("cannot use w.h5: [^\n]+; [^\n]+", str(error))
                refused += 1
            assert time.process_time() - started < 2
    assert 400 < refused < 1400
