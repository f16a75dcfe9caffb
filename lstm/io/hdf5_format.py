"""HDF5 files read in plain Python and within bounds: what h5py and Keras write, and what only claims to be that.

The HDF5 library hangs, crashes or takes all memory on files that were made for it. Here a file can do none of that, by
three rules. Bytes are taken only where the file has them. At most MOST_PARTS pieces are taken, so a file that refers to
itself in a circle comes to an end. What is made of a file is no larger than the file and SPARE bytes, so nothing counts
a thousand times and a few bytes do not unfold to gigabytes. What breaks a rule or the format raises Malformed, what
is well formed and not read here Unsupported. Both are InputErrors, and nothing else is raised.

The source is the HDF5 File Format Specification, version 3.0; its sections are in brackets. A file is a tree of
objects, and an object is a list of messages: those of a group say where its members are, those of a dataset say its
shape and type and where its values are, and both may have attributes.

Left out: what only libver="latest" or track_order=True writes, links, values in other files, types that weights do not
have (compound, references ..), filters but shuffle and deflate.

>>> root = File(image).root  # the image is the bytes of a file
>>> root.attributes["backend"].read()
'numpy'
>>> root.open("dense").open("bias").read()
array([...], dtype=float32)
"""

import math
import struct
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from lstm.io import InputError

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MOST_PARTS = 2**18  # a model of a hundred layers has a tenth of them; all of them take half a second
SPARE = 2**25  # bytes
MOST_TEXT = 2**24  # bytes; a JSON string of all characters that there are has fewer
MOST_NAME = 1000  # bytes
NOWHERE = 2**64 - 1  # the address of what is not there
SPACE, LINK_INFO, TYPE, LINK, EXTERNAL, LAYOUT, FILTERS, ATTRIBUTE = 0x1, 0x2, 0x3, 0x6, 0x7, 0x8, 0xB, 0xC
CONTINUATION, SYMBOLS = 0x10, 0x11
MESSAGES = {SPACE, LINK_INFO, TYPE, LINK, EXTERNAL, LAYOUT, FILTERS, ATTRIBUTE, CONTINUATION, SYMBOLS}
PASSED_OVER = {0x0, 0x4, 0x5, 0xA, 0xD, 0xE, 0x12, 0x16}  # padding, fill values, hints, comments, times, counts
DEFLATE, SHUFFLE = 1, 2
TEXT = np.dtype([("size", "<u4"), ("heap", "<u8"), ("index", "<u4")])  # where a text of any length is
CLASSES = "integer float time text bits opaque compound reference enumeration sequence array complex".split()


class Malformed(InputError):
    """Bytes that are no HDF5 file."""


class Unsupported(InputError):
    """What an HDF5 file may have, and is not read here."""


def need(condition, complaint, kind=Malformed):
    """Raise Malformed, or Unsupported, unless the condition holds."""
    if not condition:
        raise kind(complaint)


def known_types():
    """The bytes that describe a type [IV.A.2.d] -> the type in NumPy: integers, IEEE 754 floats, and h5py's bool."""
    types = {}
    for big, order in enumerate("<>"):
        for size in (1, 2, 4, 8):
            for signed, kind in enumerate("ui"):
                said = struct.pack("<4BIHH", 0x10, 8 * signed + big, 0, 0, size, 0, 8 * size)
                types[said] = np.dtype(f"{order}{kind}{size}")
        for size, exponent, mantissa in ((2, 5, 10), (4, 8, 23), (8, 11, 52)):  # the latter two in bits
            said = struct.pack("<4BIHH", 0x11, 0x20 + big, 8 * size - 1, 0, size, 0, 8 * size)
            bias = 2 ** (exponent - 1) - 1
            types[said + struct.pack("<4BI", mantissa, exponent, 0, mantissa, bias)] = np.dtype(f"{order}f{size}")
    int8 = struct.pack("<4BIHH", 0x10, 8, 0, 0, 1, 0, 8)
    types[struct.pack("<4BI", 0x18, 2, 0, 0, 1) + int8 + b"FALSE\0\0\0TRUE\0\0\0\0\0\1"] = np.dtype(bool)
    return types


TYPES = known_types()


class Part:
    """Bytes of a file, to be taken one after the other."""

    def __init__(self, file, data):
        self.file, self.data = file, data

    def take(self, size):
        """The next bytes."""
        self.file.count()
        taken, self.data = self.data[:size], self.data[size:]
        need(len(taken) == size, "it ends before it is complete")
        return taken

    def numbers(self, layout):
        """The next numbers, laid out as `struct` says; in HDF5 they are little-endian."""
        return struct.unpack(f"<{layout}", self.take(struct.calcsize(f"<{layout}")))

    def part(self, size):
        """The next bytes, as a Part."""
        return Part(self.file, self.take(size))


@dataclass(frozen=True)
class Array:
    """The values of an attribute or a dataset. None is looked at before they are read."""

    file: "File"
    dtype: np.dtype
    shape: tuple | None  # () of a single value, None where there is not even one
    content: Callable  # gives the bytes

    def read(self):
        """An array of numbers in the machine's byte order, or of str; of the shape () the value itself, or None.

        Numbers may be the very bytes of the file, which cannot be written to.
        """
        if self.shape is None:
            return None
        values = np.ndarray(self.shape, self.dtype, self.content())
        if self.dtype == TEXT or self.dtype.kind == "S":
            self.file.count(values.size)
            read = self.file.text_at if self.dtype == TEXT else self.file.text
            texts = np.array([read(value) for value in values.ravel().tolist()], object)
            return texts.reshape(self.shape)[()]
        if self.dtype == bool:
            need(values.view(np.uint8).max(initial=0) <= 1, "a value is neither true nor false")
        return values.astype(self.dtype.newbyteorder("="), copy=False)[()]


@dataclass(frozen=True)
class Group:
    """An object with members, which are objects again."""

    file: "File"
    attributes: dict[str, Array]
    members: dict[str, int | None]  # name -> address; None of a link that leads elsewhere

    def open(self, name):
        """The member of that name, a Group or an Array."""
        need(name in self.members, f"{name!r} is missing", InputError)
        need(self.members[name] is not None, f"{name!r} is a link", Unsupported)
        return self.file.object(self.members[name])


class File:
    """A file that is in memory. `root` is the group of all that is in it. Only what is asked for is read."""

    def __init__(self, image):
        """image: the bytes, perhaps with some before the file that HDF5 leaves to its users: 512, 1024, 2048 .. [II]"""
        starts = [0, *(2**power for power in range(9, len(image).bit_length()))]
        start = next((start for start in starts if image[start : start + 8] == SIGNATURE), None)
        need(start is not None, "it is not an HDF5 file")
        self.data, self.groups, self.heaps = memoryview(image)[start:], {}, {}
        self.parts_left, self.room_left = MOST_PARTS, len(image) + SPARE
        version, offsets, lengths = self.part(8).numbers("B4xBB")  # the superblock [II.A]
        need(version == 0, f"it has a superblock of version {version}", Unsupported)
        need(offsets == lengths == 8, f"it has addresses of {offsets} and {lengths} bytes", Unsupported)
        base, end, root = self.part(24).numbers("Q8xQ16xQ")
        need(end - base <= len(self.data), f"{end - base - len(self.data)} of its bytes are missing")
        self.root = self.object(root)
        need(isinstance(self.root, Group), "its root is not a group")

    def count(self, parts=1):
        """Count the pieces that are taken."""
        self.parts_left -= parts
        need(self.parts_left >= 0, f"it has more than {MOST_PARTS:,} parts, or refers to itself")

    def reserve(self, size):
        """Count the bytes that are made of the file."""
        self.room_left -= size
        need(self.room_left >= 0, "it claims to hold more than there is in it")

    def part(self, address, size=None):
        """The bytes at an address, by default up to the end."""
        need(address + (size or 0) <= len(self.data), f"what should be at {address} is not in the file")
        return Part(self, self.data[address : None if size is None else address + size])

    def object(self, address):
        """The Group or the Array at an address. A group is read once, however often it is asked for."""
        if address in self.groups:
            return self.groups[address]
        messages = self.messages(address)
        attributes = unique(map(self.attribute, messages.get(ATTRIBUTE, ())))
        if SYMBOLS in messages:
            members = unique(self.symbols(*messages[SYMBOLS][0].numbers("QQ")))
        elif LINK_INFO in messages:
            members = unique(self.links(messages[LINK_INFO][0], messages.get(LINK, ())))
        else:
            return self.dataset({kind: bodies[0] for kind, bodies in messages.items()})
        self.groups[address] = Group(self, attributes, members)
        return self.groups[address]

    def messages(self, address):
        """The messages of an object by their type: {type: [body, ..]} [IV.A.1.a]."""
        header, found = self.part(address), {}
        need(header.data[:4] != b"OHDR", "it has an object header of version 2", Unsupported)
        version, size = header.numbers("B7xI4x")
        need(version == 1, f"there is no object at {address}")
        blocks = [header.part(size)]
        for block in blocks:  # a continuation adds one
            while block.data:
                kind, size, flags = block.numbers("HHB3x")
                body = block.part(size)
                if kind in PASSED_OVER:
                    continue
                need(kind in MESSAGES, f"it has a message of type {kind:#x}", Unsupported)
                need(not flags & 2, "it has a message that several objects share", Unsupported)
                if kind == CONTINUATION:
                    blocks.append(self.part(*body.numbers("QQ")))
                else:
                    found.setdefault(kind, []).append(body)
        return found

    # -- the members of a group

    def symbols(self, tree, heap):
        """(name, address) of each member: a B-tree leads to nodes with them, and a heap has the names [III.B - D]."""
        kind, size, address = self.part(heap).numbers("4s4xQ8xQ")
        need(kind == b"HEAP", f"there is no heap of names at {heap}")
        names = self.part(address, size).data
        for _, node in self.leaves(tree, 0, "Q"):
            node = self.part(node)
            kind, count = node.numbers("4s2xH")
            need(kind == b"SNOD", "a B-tree does not lead to members")
            for _ in range(count):
                at, address, cached = node.numbers("QQI20x")
                name, end, _ = bytes(names[at : at + MOST_NAME + 1]).partition(b"\0")
                need(end, f"a name is longer than {MOST_NAME} bytes")
                yield self.text(name), address if cached != 2 else None  # 2 is a soft link

    def leaves(self, address, kind, layout):
        """(key, address) of all that a B-tree of that kind leads to; layout: of its keys [III.A.1]."""
        nodes = [address] if address != NOWHERE else []
        while nodes:
            node = self.part(nodes.pop())
            tree, found, level, used = node.numbers("4sBBH16x")
            need(tree == b"TREE" and found == kind, "there is no B-tree where one should be")
            for _ in range(used):
                *key, child = node.numbers(f"{layout}Q")
                if level:
                    nodes.append(child)
                else:
                    yield key, child

    def links(self, info, links):
        """The same of a group that has them in messages, for instance because a link leads out of it [IV.A.2.c, g]."""
        _, flags = info.numbers("BB")
        info.take(8 * (flags & 1))  # the highest order of creation
        need(info.numbers("Q") == (NOWHERE,), "it has a group of many members in the newer way", Unsupported)
        for link in links:
            _, flags = link.numbers("BB")
            (kind,) = link.numbers("B") if flags & 8 else (0,)
            link.take(8 * bool(flags & 4) + bool(flags & 16))  # order of creation, character set
            (size,) = link.numbers("BHIQ"[flags & 3])
            yield self.text(link.take(size), MOST_NAME), link.numbers("Q")[0] if kind == 0 else None

    # -- what an array is

    def attribute(self, part):
        """(name, Array) of an attribute message [IV.A.2.m]."""
        version, flags, *sizes = part.numbers("BBHHH")
        need(version in (1, 2, 3), "there is no attribute where one should be")
        need(version == 1 or flags == 0, "it has an attribute of a shared type", Unsupported)
        part.take(int(version == 3))  # the character set
        name, dtype, shape = (part.part(size + (-size % 8) * (version == 1)) for size in sizes)
        shape, dtype = self.space(shape), self.type(dtype)
        values = part.take(size_of(shape, dtype))
        return self.text(name.data, MOST_NAME), Array(self, dtype, shape, lambda: values)

    def space(self, part):
        """The shape that a dataspace message says [IV.A.2.b]."""
        version, rank, _, kind = part.numbers("BBBB")
        need(version in (1, 2) and rank <= 32, "there is no shape where one should be")
        if version == 2 and kind == 2:
            return None
        part.take(4 * (version == 1))
        shape = part.numbers(f"{rank}Q")
        need(math.prod(max(1, size) for size in shape) <= self.room_left, f"it claims the shape {shape}")
        return shape

    def type(self, part):
        """The type in NumPy that a datatype message says [IV.A.2.d]."""
        said = bytes(part.data[:50])  # those of the longest known
        first, bits, size = part.numbers("BB2xI")
        kind = CLASSES[first & 15] if first & 15 < len(CLASSES) else "unknown"
        if kind == "text" and 0 < size <= MOST_TEXT:
            return np.dtype(f"S{size}")
        if kind == "sequence" and bits & 15 == 1 and size == TEXT.itemsize:
            return TEXT
        dtype = next((dtype for known, dtype in TYPES.items() if said.startswith(known)), None)
        need(dtype is not None, f"it has values of a type that is not read ({kind}, {size} bytes)", Unsupported)
        return dtype

    def dataset(self, messages):
        """The Array of a dataset [IV.A.2.i]."""
        need({SPACE, TYPE, LAYOUT} <= messages.keys(), "it has an object that is neither group nor dataset")
        shape, dtype, layout = self.space(messages[SPACE]), self.type(messages[TYPE]), messages[LAYOUT]
        version, kind = layout.numbers("BB")
        elsewhere = EXTERNAL in messages or kind == 3
        need(not elsewhere, "it has a dataset that keeps its content in another file", Unsupported)
        need(version == 3 and kind < 3, f"it has a dataset with a layout of version {version}", Unsupported)
        if kind == 2:
            return self.chunked(shape, dtype, layout, messages.get(FILTERS))
        size, data = size_of(shape, dtype), b""
        self.reserve(size)
        if kind == 0:
            data = layout.take(*layout.numbers("H"))
        elif size:
            address, stored = layout.numbers("QQ")
            data = self.part(address, stored).data if address != NOWHERE else b""
        need(len(data) == size, f"it stores {len(data)} bytes, and the shape {shape} needs {size}")
        return Array(self, dtype, shape, lambda: data)

    # -- arrays in chunks

    def chunked(self, shape, dtype, layout, filters):
        """The Array of a dataset that is stored in chunks of equal shape."""
        rank, address = layout.numbers("BQ")
        need(shape is not None and rank == len(shape) + 1, "it has chunks that do not fit their array")
        *chunk, size = layout.numbers(f"{rank}I")
        need(size == dtype.itemsize and all(chunk), "it has chunks that do not fit their array")
        count = math.prod(-(-whole // side) for whole, side in zip(shape, chunk))
        self.reserve(count * math.prod(chunk) * size)
        filters = self.filters(filters, size) if filters else []
        return Array(self, dtype, shape, partial(self.joined, shape, dtype, chunk, count, address, filters))

    def filters(self, part, size):
        """The filters that each chunk has been through, in order [IV.A.2.l]. size: of a value."""
        version, count = part.numbers("BB6x")
        need(version == 1, f"it has filters of version {version}", Unsupported)
        filters = []
        for _ in range(count):
            kind, name, _, values = part.numbers("HHHH")
            need(kind in (DEFLATE, SHUFFLE), f"it has a dataset with the filter {kind}", Unsupported)
            part.take(name)
            values = part.numbers(f"{values + values % 2}I")
            need(kind not in filters and (kind != SHUFFLE or values[:1] == (size,)), "its filters make no sense")
            filters.append(kind)
        return filters

    def joined(self, shape, dtype, chunk, count, address, filters):
        """The content of an array, put together from its chunks."""
        array, seen = np.empty(shape, dtype), set()
        for (stored, mask, *place), at in self.leaves(address, 1, f"II{len(shape) + 1}Q") if count else ():
            corner = tuple(place[:-1])
            fits = all(start < whole and start % side == 0 for start, whole, side in zip(corner, shape, chunk))
            need(fits and corner not in seen, "a chunk is not where one should be")
            seen.add(corner)
            used = [kind for number, kind in enumerate(filters) if not mask >> number & 1]
            data = unfiltered(self.part(at, stored).data, used, math.prod(chunk) * dtype.itemsize, dtype.itemsize)
            target = array[tuple(slice(start, start + side) for start, side in zip(corner, chunk))]
            target[...] = np.ndarray(chunk, dtype, data)[tuple(map(slice, target.shape))]
        need(len(seen) == count, f"it has {len(seen)} of the {count} chunks of an array")
        return array

    # -- texts

    def text(self, data, most=MOST_TEXT):
        """Bytes as a text."""
        need(len(data) <= most, f"it has a text of {len(data):,} bytes; the most that is read is {most:,}")
        try:
            text = bytes(data).rstrip(b"\0").decode()
        except UnicodeDecodeError:
            raise Malformed("it has a text that is not UTF-8") from None
        self.reserve(sys.getsizeof(text))
        return text

    def text_at(self, where):
        """The text in a global heap: where is its size, the address of its heap, and its number there [III.E]."""
        size, address, index = where
        if size == 0:
            return ""
        if address not in self.heaps:
            self.heaps[address] = dict(self.heap(address))
        data = self.heaps[address].get(index, b"")
        need(size <= len(data), "it has a text that is not there")
        return self.text(data[:size])

    def heap(self, address):
        """(number, bytes) of each object in a global heap."""
        kind, size = self.part(address).numbers("4s4xQ")
        need(kind == b"GCOL" and size >= 16, f"there is no heap at {address}")
        heap = self.part(address + 16, size - 16)
        while len(heap.data) >= 16:
            index, size = heap.numbers("H6xQ")
            if index == 0:  # the rest is free
                return
            yield index, heap.take(size)
            heap.take(-size % 8)


def unique(pairs):
    """The dict of (name, value), each name once."""
    found = {}
    for name, value in pairs:
        need(name and name not in found, f"it has the name {name!r} twice, or none")
        found[name] = value
    return found


def size_of(shape, dtype):
    """How many bytes an array has."""
    return 0 if shape is None else math.prod(shape) * dtype.itemsize


def unfiltered(data, filters, size, itemsize):
    """A chunk of so many bytes as it was before it went through the filters."""
    for kind in reversed(filters):
        if kind == DEFLATE:
            inflate = zlib.decompressobj()
            try:
                data = inflate.decompress(data, size + 1)
            except zlib.error:
                raise Malformed("it has a chunk that cannot be decompressed") from None
            need(inflate.eof, "it has a chunk that is longer or shorter than it should be")
        elif len(data) == size:  # the first bytes of all values, then the second ones ..
            data = np.frombuffer(data, np.uint8).reshape(itemsize, -1).T.tobytes()
    need(len(data) == size, "it has a chunk that is longer or shorter than it should be")
    return data
