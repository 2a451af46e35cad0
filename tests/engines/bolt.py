# SPDX-License-Identifier: Apache-2.0
"""bolt.py - databases as containerd's library (bbolt) writes them, of dictionaries: {bytes: bytes or such a dictionary}."""
import struct

BRANCH, LEAF, META, FREE = 1, 2, 4, 16


def checksum(data):
    value = 14695981039346656037
    for byte in data:
        value = (value ^ byte) * 1099511628211 & (1 << 64) - 1
    return value


class Writer:
    def __init__(self, page_size, inline, per_page):
        self.page_size, self.inline, self.per_page = page_size, inline, per_page
        self.pages = {2: struct.pack("<QHHI", 2, FREE, 0, 0)}
        self.next = 3

    def page(self, number, flags, elements):
        """ELEMENTS: (fields behind the position as a function of it, data)."""
        head, data = b"", b""
        for i, (pack, content) in enumerate(elements):
            head += pack(16 * (len(elements) - i) + len(data))
            data += content
        size = 16 + len(head) + len(data)
        overflow = max(0, -(-size // self.page_size) - 1)
        return struct.pack("<QHHI", number, flags, len(elements), overflow if number else 0) + head + data, overflow

    def add(self, flags, elements):
        content, overflow = self.page(self.next, flags, elements)
        number, self.next = self.next, self.next + 1 + overflow
        self.pages[number] = content
        return number

    def leaf(self, items):
        def element(flags, key, value):
            return lambda position: struct.pack("<IIII", flags, position, len(key), len(value)), key + value
        return [element(*item) for item in items]

    def bucket(self, tree, top=False):
        """The value of a bucket; of the topmost its page."""
        items = [(1, key, self.bucket(tree[key])) if isinstance(tree[key], dict) else (0, key, tree[key]) for key in sorted(tree)]
        if self.inline and not top and not any(flags for flags, _, _ in items):
            return struct.pack("<QQ", 0, 0) + self.page(0, LEAF, self.leaf(items))[0]
        parts = [items[i:i + self.per_page] for i in range(0, len(items), self.per_page)] or [[]]
        numbers = [(part[0][1] if part else b"", self.add(LEAF, self.leaf(part))) for part in parts]
        while len(numbers) > 1:
            groups = [numbers[i:i + self.per_page] for i in range(0, len(numbers), self.per_page)]
            numbers = [(group[0][0], self.add(BRANCH, [(lambda position, key=key, child=child: struct.pack("<IIQ", position, len(key), child), key) for key, child in group]))
                       for group in groups]
        return numbers[0][1] if top else struct.pack("<QQ", numbers[0][1], 0)


def database(tree, page_size=4096, inline=True, per_page=1000, transaction=7):
    w = Writer(page_size, inline, per_page)
    root = w.bucket(tree, top=True)
    for number, count in ((0, transaction), (1, transaction - 1)):
        meta = struct.pack("<IIIIQQQQQ", 0xED0CDAED, 2, page_size, 0, root, 0, 2, w.next, count)
        w.pages[number] = struct.pack("<QHHI", number, META, 0, 0) + meta + struct.pack("<Q", checksum(meta))
    out = bytearray(w.next * page_size)
    for number, content in w.pages.items():
        out[number * page_size:number * page_size + len(content)] = content
    return bytes(out)


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def snapshots(named):
    """A snapshotter's metadata.db of {"NAMESPACE/NUMBER/NAME": number}."""
    return {b"v1": {b"parents": {}, b"snapshots": {name.encode(): {b"id": varint(number), b"kind": b"\x01"} for name, number in named.items()}}}


def images(named, namespace="default", labels=None):
    """containerd's meta.db of {name: descriptor}, and of {digest of a blob: {label: value}}."""
    blobs = {digest.encode(): {b"createdat": b"", b"labels": {key.encode(): value.encode() for key, value in of.items()}} for digest, of in (labels or {}).items()}
    return {b"v1": {b"version": b"\x08", namespace.encode(): {b"content": {b"blob": blobs}, b"images": {
        name.encode(): {b"createdat": b"", b"target": {b"digest": d["digest"].encode(), b"mediatype": d["mediaType"].encode(), b"size": varint(2 * d["size"])}}
        for name, d in named.items()}}}}
