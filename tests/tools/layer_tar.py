"""The layers of validate_layout.py, read without any code of imgforge: gzip with any number of members, zstd with any number of frames, tar headers
and pax records to their last byte, and the normal form that imgforge's layers have.

Python's standard library only; zstd goes through the `zstd` program. Memory: names of one layer.
"""
import hashlib
import subprocess
import threading
import zlib

CHUNK = 1 << 18  # small, since what follows a gzip member is copied
PIECE = 1 << 20


class Broken(Exception):
    """What makes reading on impossible."""


# ---- the bytes of a layer -----------------------------------------------------------------------


class Hashed:
    """Reads a blob and hashes what it reads."""

    def __init__(self, file):
        self.file = file
        self.hash = hashlib.sha256()
        self.size = 0

    def read(self):
        data = self.file.read(CHUNK)
        self.hash.update(data)
        self.size += len(data)
        return data

    def finish(self):
        while self.read():
            pass
        return "sha256:" + self.hash.hexdigest()


def inflate(blob):
    """The content of a gzip file of any number of members, in pieces of at most PIECE."""
    data = blob.read()
    if not data:
        raise Broken("the gzip stream is empty")
    while data:
        member = zlib.decompressobj(31)
        while not member.eof:
            try:
                piece = member.decompress(data, PIECE)
            except zlib.error as error:
                raise Broken(f"the gzip stream is broken: {error}") from error
            if piece:
                yield piece
            data = member.unconsumed_tail
            # A full piece may mean that zlib holds back more, without needing input.
            if not member.eof and not data and len(piece) < PIECE:
                data = blob.read()
                if not data:
                    raise Broken("the gzip stream ends early")
        data = member.unused_data or blob.read()


def unzstd(blob):
    """The content of a zstd file, through the zstd program."""
    try:
        program = subprocess.Popen(
            ["zstd", "-dcq", "--long=31"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise Broken(f"the zstd program is needed for this layer: {error}") from error

    def feed():
        try:
            while data := blob.read():
                program.stdin.write(data)
            program.stdin.close()
        except BrokenPipeError:
            pass

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        while piece := program.stdout.read(PIECE):
            yield piece
    finally:
        program.stdout.close()
        feeder.join()
        message = program.stderr.read().decode(errors="replace").strip()
        program.stderr.close()
        status = program.wait()
    if status != 0:
        raise Broken(f"the zstd stream is broken: {message}")


def plain(blob):
    while piece := blob.read():
        yield piece


class TarBytes:
    """The uncompressed stream: hashes everything, gives exact pieces."""

    def __init__(self, pieces):
        self.pieces = pieces
        self.hash = hashlib.sha256()
        self.size = 0
        self.piece = b""
        self.at = 0

    def _next(self):
        self.piece = next(self.pieces, b"")
        self.at = 0
        self.hash.update(self.piece)
        self.size += len(self.piece)
        return bool(self.piece)

    def exactly(self, count, what):
        if len(self.piece) - self.at >= count:
            self.at += count
            return self.piece[self.at - count : self.at]
        parts = []
        while count:
            if self.at == len(self.piece) and not self._next():
                raise Broken(f"the tar ends inside {what}")
            part = self.piece[self.at : self.at + count]
            self.at += len(part)
            count -= len(part)
            parts.append(part)
        return b"".join(parts)

    def ended(self):
        return self.at == len(self.piece) and not self._next()

    def skip(self, count, what):
        while count:
            if self.at == len(self.piece) and not self._next():
                raise Broken(f"the tar ends inside {what}")
            step = min(count, len(self.piece) - self.at)
            self.at += step
            count -= step

    def rest_is_zero(self):
        """(number of bytes that follow, whether all of them are zero)"""
        count, zero = 0, True
        while True:
            rest = self.piece[self.at :]
            count += len(rest)
            zero = zero and not rest.strip(b"\0")
            if not self._next():
                return count, zero


# ---- tar ----------------------------------------------------------------------------------------

BLOCK = 512
ZERO = bytes(BLOCK)
PAX_IN_NORMAL_FORM = {"path", "linkpath", "size", "uid", "gid", "mtime", "hdrcharset"}


def text_of(field):
    return field.split(b"\0", 1)[0]


def number_of(field, what):
    if field[0] == 0xFF:  # GNU's base-256, negative
        return int.from_bytes(field, "big", signed=True)
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    text = field.strip(b" \0")
    try:
        return int(text, 8) if text else 0
    except ValueError as error:
        raise Broken(f"a tar header has a broken {what}: {field!r}") from error


def pax_records(data):
    records, at = {}, 0
    while at < len(data):
        space = data.find(b" ", at)
        length = int(data[at:space]) if space > at and data[at:space].isdigit() else 0
        record = data[space + 1 : at + length]
        if length <= 0 or not record.endswith(b"\n") or b"=" not in record:
            raise Broken("a pax header has a broken record")
        key, value = record[:-1].split(b"=", 1)
        records[key.decode(errors="surrogateescape")] = value
        at += length
    return records


class Entry:
    __slots__ = ("path", "kind", "mtime", "link", "names", "pax", "size", "trailing_slash")


def entries(tar, strict):
    """Reads headers; the content is skipped (and hashed) here. Foreign layers may lack the end of
    the archive, as readers accept it."""
    pax, long_name, long_link = {}, None, None
    while True:
        if not strict and tar.ended():
            return
        header = tar.exactly(BLOCK, "a header")
        if header == ZERO:
            if tar.exactly(BLOCK, "the end of the archive") != ZERO:
                raise Broken("a single zero block stands inside the tar")
            return
        stored = number_of(header[148:156], "checksum")
        if sum(header) - sum(header[148:156]) + 8 * 32 != stored:
            raise Broken("a tar header has a wrong checksum")
        kind = header[156:157]
        size = number_of(header[124:136], "size")
        if kind in b"xgLK" and kind != b"":
            data = tar.exactly(size, "an extended header")
            padding = tar.exactly(-size % BLOCK, "padding")
            if padding.strip(b"\0"):
                raise Broken("padding of an extended header is not zero")
            if kind == b"x":
                pax.update(pax_records(data))
            elif kind == b"L":
                long_name = text_of(data)
            elif kind == b"K":
                long_link = text_of(data)
            else:
                raise Broken("a global pax header has no place in a layer")
            continue
        entry = Entry()
        name, prefix = text_of(header[0:100]), text_of(header[345:500])
        ustar = header[257:263] == b"ustar\0"
        path = prefix + b"/" + name if prefix and ustar else name
        path = pax.get("path", long_name if long_name is not None else path)
        entry.trailing_slash = path.endswith(b"/")
        entry.path = path
        entry.kind = b"0" if kind == b"\0" else kind
        entry.link = pax.get("linkpath", long_link if long_link is not None else text_of(header[157:257]))
        entry.mtime = float(pax["mtime"]) if "mtime" in pax else number_of(header[136:148], "mtime")
        entry.names = text_of(header[265:297]) + text_of(header[297:329])
        entry.size = int(pax["size"]) if "size" in pax else size
        entry.pax = pax
        pax, long_name, long_link = {}, None, None
        content = entry.size if entry.kind in b"07" else 0
        if content:
            tar.skip(content, "the content of " + show(entry.path))
        if content % BLOCK and tar.exactly(-content % BLOCK, "padding").strip(b"\0"):
            raise Broken(f"padding after {show(entry.path)} is not zero")
        yield entry


def show(path):
    return path.decode(errors="backslashreplace")


def normal(path):
    """The path without "./" in front and slash behind; None when it leaves the layer."""
    while path.startswith(b"./"):
        path = path[2:]
    path = path.rstrip(b"/")
    parts = path.split(b"/")
    if path in (b"", b"."):
        return b""
    if path.startswith(b"/") or b".." in parts or b"" in parts or b"." in parts:
        return None
    return path


class LayerCheck:
    """The entries of one layer. At most a few findings of one sort: the rest is counted."""

    def __init__(self, where, created, strict):
        self.where = where
        self.created = created
        self.strict = strict
        self.kinds = {}
        self.last = b""
        self.found = {}

    def say(self, sort, text):
        self.found.setdefault(sort, []).append(text)

    def findings(self):
        for sort, texts in self.found.items():
            for text in texts[:3]:
                yield f"{self.where}: {sort}: {text}"
            if len(texts) > 3:
                yield f"{self.where}: {sort}: and {len(texts) - 3} more"

    def entry(self, entry):
        shown = show(entry.path)
        path = normal(entry.path)
        if path is None:
            return self.say("unsafe path", shown)
        if path in self.kinds:
            self.say("twice in the layer", shown)
        self.kinds[path] = entry.kind
        if entry.kind not in b"01234567":
            self.say("unknown entry type", f"{shown} ({entry.kind!r})")
        if entry.kind == b"1":
            target = normal(entry.link)
            if target is None or self.kinds.get(target, b"5") == b"5":
                self.say("hard link to nothing before it", f"{shown} -> {show(entry.link)}")
        if self.strict:
            self.normal_form(entry, path, shown)

    def normal_form(self, entry, path, shown):
        if entry.path.startswith(b"./") or path == b"":
            self.say("path not in normal form", shown)
        if (entry.kind == b"5") != entry.trailing_slash:
            self.say("folders end with a slash, nothing else does", shown)
        if path <= self.last:
            self.say("not sorted", f"{shown} after {show(self.last)}")
        self.last = path
        parent = path.rpartition(b"/")[0]
        while parent:
            kind = self.kinds.get(parent)
            if kind is not None and kind != b"5":
                self.say("below something that is no folder", shown)
            parent = parent.rpartition(b"/")[0]
        if entry.mtime != int(entry.mtime):
            self.say("mtime with a fraction", shown)
        if self.created is not None and entry.mtime > self.created:
            self.say("mtime after the image's creation", f"{shown} ({int(entry.mtime)})")
        if entry.names:
            self.say("user or group name", f"{shown} ({show(entry.names)})")
        for key in entry.pax:
            if key not in PAX_IN_NORMAL_FORM and not key.startswith("SCHILY.xattr."):
                self.say("pax record without need", f"{shown} ({key})")
