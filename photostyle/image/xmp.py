"""XMP packets, edited in place.

A packet is RDF, written as XML. Software that takes it apart and writes it anew gives namespaces
other prefixes and loses comments, padding and the order of things. So edits here cut out and put
in bytes at the positions that a parser tells, and leave every other byte as it was.

Reference: ISO 16684-1:2019 (XMP), sections 7 (RDF) and 8 (namespaces); IPTC Photo Metadata 2023.1;
Exif metadata for XMP (CIPA DC-010), section 4.3 (GPS).
"""

from __future__ import annotations

import hashlib
import html
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from xml.parsers import expat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

Name = tuple[str, str]
"""Namespace and local name; the namespace is empty where there is none."""

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XMP = "http://ns.adobe.com/xap/1.0/"
_XMP_NOTE = "http://ns.adobe.com/xmp/note/"
_XMP_MM = "http://ns.adobe.com/xap/1.0/mm/"
_EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
_IPTC_CORE = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
_IPTC_EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_DYNAMIC_MEDIA = "http://ns.adobe.com/xmp/1.0/DynamicMedia/"
_WGS84 = "http://www.w3.org/2003/01/geo/wgs84_pos#"

_CREATOR_TOOL, _MODIFIED = (_XMP, "CreatorTool"), (_XMP, "ModifyDate")
_METADATA_MODIFIED, _THUMBNAILS = (_XMP, "MetadataDate"), (_XMP, "Thumbnails")
_HISTORY = (_XMP_MM, "History")
_EXTENSION = (_XMP_NOTE, "HasExtendedXMP")
_WATCHED = frozenset(
    {_CREATOR_TOOL, _MODIFIED, _METADATA_MODIFIED, _THUMBNAILS, _HISTORY, _EXTENSION}
)

_PLACES = frozenset(
    {
        *((_PHOTOSHOP, name) for name in ("City", "State", "Country")),
        *((_IPTC_CORE, name) for name in ("Location", "CountryCode")),
        *((_IPTC_EXTENSION, name) for name in ("LocationCreated", "LocationShown")),
        (_DYNAMIC_MEDIA, "shotLocation"),
    }
)
# exif:GPSLatitude, and what makers of drones and others call it in namespaces of their own.
_POSITION = re.compile("gps|latitude|longitude|longtitude", re.IGNORECASE)

# What cameras say of films, further pictures and gain maps in the same file, behind the photo.
_APPENDED = re.compile("MotionPhoto|MicroVideo")  # how the names of such properties begin
_APPENDIX = frozenset(
    {
        "http://ns.google.com/photos/1.0/container/",
        "http://ns.adobe.com/hdr-gain-map/1.0/",
        "http://ns.apple.com/HDRGainMap/1.0/",
    }
)
_HINTS = re.compile(rb"MotionPhoto|MicroVideo|photos/1\.0/container/|gain-map/|HDRGainMap/")

_CONTAINERS = frozenset((_RDF, name) for name in ("Seq", "Bag", "Alt"))

# Guards against packets made to exhaust memory or time.
_LONGEST = 1 << 24
_DEEPEST = 500

_TAG = re.compile(rb"<([^\s/>]++)((?:\s++[^\s=/>]++\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'))*+)\s*+(/?)>")
_ATTRIBUTE = re.compile(rb"\s+([^\s=]+)\s*=\s*[\"']")
_DECLARATION = re.compile(rb"\s+(xmlns(?::[^\s=]+)?)\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_EMPTY_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/">\n<rdf:RDF xmlns:rdf="{_RDF}">\n</rdf:RDF>\n'
    '</x:xmpmeta>\n<?xpacket end="w"?>'
).encode()


class Span(NamedTuple):
    """A part of a packet."""

    start: int
    end: int


@dataclass(frozen=True)
class Event:
    """Something that was done to a photo, as an entry of its history."""

    action: str
    """What was done, in the words of the XMP standard: "edited", "produced" and so on."""

    software: str
    """Name and version of the software that did it."""

    parameters: str
    """What else there is to tell, in words."""

    when: datetime
    """Time, with its zone."""


@dataclass
class _Value:
    """A property of the photo itself, as an attribute or as an element."""

    whole: Span
    content: Span
    """Between the quotes, or between the tags."""

    element: _Element | None = None
    """None for an attribute."""

    has_elements: bool = False
    """Whether there are any right inside it."""

    container: _Element | None = None
    """The last Seq, Bag or Alt right inside it."""


@dataclass
class _Element:
    """An element that has begun, and maybe ended."""

    name: Name
    raw_name: bytes
    tag: Span
    is_empty: bool
    end_tag: Span
    """Without any length before the end is found, and where there is none of its own."""

    value: _Value | None = None
    """What it stands for, where that matters."""


@dataclass
class _Contents:
    """What a packet holds, as far as it matters here."""

    rdf: _Element | None = None
    about: bytes = b""
    """What the properties are about, an attribute's value as it stands in the packet."""

    around: list[_Element] = field(default_factory=list)
    """The elements that the descriptions are in, from the outside on."""

    descriptions: list[_Element] = field(default_factory=list)

    values: dict[Name, list[_Value]] = field(default_factory=dict)
    wanted: list[Span] = field(default_factory=list)
    """Properties at any depth that were asked for, none inside of another."""


def without_position(packet: bytes) -> bytes:
    """The packet without what tells where the photo was taken: coordinates and names of places.

    Args:
        packet: An XMP packet, in UTF-8.

    Raises:
        ValueError: The packet is damaged.
    """
    return _edited(packet, [(span, b"") for span in _parsed(packet, _tells_place).wanted])


def without_appendix(packet: bytes) -> bytes:
    """The packet without what announces a film or gain map behind the photo in its file.

    Args:
        packet: An XMP packet, in UTF-8; a damaged one stays as it is.
    """
    if not _HINTS.search(packet):
        return packet
    try:
        return _edited(packet, [(span, b"") for span in _parsed(packet, _tells_appendix).wanted])
    except ValueError:
        return packet


def with_event(packet: bytes | None, event: Event) -> bytes:
    """The packet with an event at the end of its history, and its dates set to the event's.

    The software becomes the creator tool where none is stated. A thumbnail goes: it shows the photo
    as it was before.

    Args:
        packet: An XMP packet, in UTF-8; None makes one.
        event: What happened.

    Raises:
        ValueError: The packet is damaged, or its history or dates are of an unknown form.
    """
    packet = packet or _EMPTY_PACKET
    contents = _parsed(packet)
    assert contents.rdf  # noqa: S101 - or else parsing would have failed
    when = event.when.isoformat(timespec="seconds")
    edits = [(value.whole, b"") for value in contents.values.get(_THUMBNAILS, ())]
    attributes = [f'xmlns:rdf="{_RDF}"', f'xmlns:xmp="{_XMP}"']
    for name in (_MODIFIED, _METADATA_MODIFIED):
        values = contents.values.get(name, [])
        edits += [_replaced(value, name, when) for value in values]
        if not values:
            attributes.append(f'xmp:{name[1]}="{_escaped(when)}"')
    if _CREATOR_TOOL not in contents.values:
        attributes.append(f'xmp:CreatorTool="{_escaped(event.software)}"')

    entry = (
        f'<rdf:li xmlns:rdf="{_RDF}" xmlns:stEvt="{_EVENT}"'
        f' stEvt:action="{_escaped(event.action)}" stEvt:when="{_escaped(when)}"'
        f' stEvt:softwareAgent="{_escaped(event.software)}"'
        f' stEvt:parameters="{_escaped(event.parameters)}"/>\n'
    ).encode()
    history = b""
    if _HISTORY in contents.values:
        container = contents.values[_HISTORY][-1].container
        if container is None:
            raise ValueError("its history is of an unknown form")
        edits.append(_appended(container, entry))
    else:
        history = b'<xmpMM:History xmlns:xmpMM="%s"><rdf:Seq>\n%s</rdf:Seq></xmpMM:History>' % (
            _XMP_MM.encode(),
            entry,
        )
    if history or len(attributes) > 2:
        start = b'<rdf:Description rdf:about="%s" %s>' % (
            contents.about.replace(b'"', b"&quot;"),
            " ".join(attributes).encode(),
        )
        edits.append(_appended(contents.rdf, start + history + b"</rdf:Description>\n"))
    return _edited(packet, edits)


def extension_digest(packet: bytes) -> bytes | None:
    """What a packet states as the digest of its extension; None where it states none.

    Raises:
        ValueError: The packet is damaged.
    """
    values = _parsed(packet).values.get(_EXTENSION)
    return packet[slice(*values[0].content)].strip() if values else None


def without_extension(packet: bytes) -> bytes:
    """The packet without the statement that it has an extension.

    Raises:
        ValueError: The packet is damaged.
    """
    return _edited(packet, _without_statements(packet, _parsed(packet)))


def _without_statements(packet: bytes, contents: _Contents) -> list[tuple[Span, bytes]]:
    """The edits that take out what states an extension, with a description of nothing else."""
    spans = []
    for value in contents.values.get(_EXTENSION, ()):
        around = [
            each.tag
            for each in contents.descriptions
            if each.is_empty and each.tag.start < value.whole.start < each.tag.end
        ]
        alone = [tag for tag in around if _told_by(packet, tag) == [value.whole]]
        spans.append(alone[0] if alone else value.whole)
    return [(span, b"") for span in spans]


def _told_by(packet: bytes, tag: Span) -> list[Span]:
    """The attributes of a description's tag, but for what it is about."""
    match = _TAG.match(packet, tag.start)
    assert match  # noqa: S101 - or else parsing would have failed
    return [
        whole
        for whole, _ in _attributes(packet, Span(*match.span(2)))
        if not packet[slice(*whole)].lstrip().startswith((b"rdf:about", b"about"))
    ]


def joined(packet: bytes, extension: bytes) -> bytes:
    """The packet with the descriptions of its extension behind its own.

    Args:
        packet: An XMP packet, in UTF-8.
        extension: What is in its extension, an RDF element too.

    Raises:
        ValueError: One of them is damaged.
    """
    contents, further = _parsed(packet), _parsed(extension)
    assert contents.rdf  # noqa: S101 - or else parsing would have failed
    further_ones = [
        _with_declarations(extension, further, element) for element in further.descriptions
    ]
    edits = _without_statements(packet, contents)
    edits.append(_appended(contents.rdf, b"".join(further_ones)))
    return _edited(packet, edits)


def divided(packet: bytes, longest: int) -> tuple[bytes, bytes]:
    """A packet that is too long in two parts: a packet that has an extension, and the extension.

    Whole descriptions go into the extension: one if that is enough, and then a short one, because
    not all software reads extensions.

    Args:
        packet: An XMP packet, in UTF-8.
        longest: How long the first part may be, in bytes.

    Raises:
        ValueError: The packet is damaged, or its descriptions are too long or too few.
    """
    contents = _parsed(packet)
    assert contents.rdf  # noqa: S101 - or else parsing would have failed
    edits = _without_statements(packet, contents)
    statement = (
        b'<rdf:Description rdf:about="%s" xmlns:rdf="%s" xmlns:xmpNote="%s"'
        b' xmpNote:HasExtendedXMP="%s"/>\n'
    )
    names = contents.about.replace(b'"', b"&quot;"), _RDF.encode(), _XMP_NOTE.encode()
    excess = len(packet) + len(statement % (*names, bytes(32))) - longest
    left, moved = contents.descriptions[:], list[_Element]()
    while excess > 0 and left:
        left.sort(key=_length)
        chosen = next((each for each in left if _length(each) >= excess), left[-1])
        left.remove(chosen)
        moved.append(chosen)
        excess -= _length(chosen)
    if excess > 0 or not left:
        raise ValueError("it cannot be divided")
    # What it states to have would go along with a description that is moved.
    stays = [
        (span, text)
        for span, text in edits
        if not any(each.tag.start <= span.start < each.end_tag.end for each in moved)
    ]
    moved.sort(key=lambda each: each.tag.start)
    extension = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="%s">\n' % _RDF.encode()
    extension += b"".join(_with_declarations(packet, contents, each) for each in moved)
    extension += b"</rdf:RDF></x:xmpmeta>"
    digest = hashlib.md5(extension, usedforsecurity=False).hexdigest().upper().encode()
    stays += [(Span(each.tag.start, each.end_tag.end), b"") for each in moved]
    stays.append(_appended(contents.rdf, statement % (*names, digest)))
    return _edited(packet, stays), extension


def _length(element: _Element) -> int:
    return element.end_tag.end - element.tag.start


def _with_declarations(packet: bytes, contents: _Contents, element: _Element) -> bytes:
    """A description with the declarations of namespaces that it takes from around it."""
    # Nearer declarations of a prefix come later and take precedence.
    around: dict[bytes, bytes] = {}
    for outer in contents.around:
        around |= _declarations(packet, outer)
    own = _declarations(packet, element)
    after_name = element.tag.start + 1 + len(element.raw_name)
    declarations = b"".join(text for name, text in around.items() if name not in own)
    return b"%s%s%s\n" % (
        packet[element.tag.start : after_name],
        declarations,
        packet[after_name : element.end_tag.end],
    )


def _declarations(packet: bytes, element: _Element) -> dict[bytes, bytes]:
    """An element's declarations of namespaces, by attribute, each with the space before it."""
    tag = packet[slice(*element.tag)]
    return {match[1]: match[0] for match in _DECLARATION.finditer(tag)}


def _escaped(text: str) -> str:
    """Text for an attribute or element, without characters that XML does not know."""
    return html.escape(_NO_XML.sub("\ufffd", " ".join(text.split())))


def _replaced(value: _Value, name: Name, text: str) -> tuple[Span, bytes]:
    """The edit that gives a property another value."""
    if value.has_elements:
        raise ValueError(f"its {name[1]} is of an unknown form")
    if value.element and value.element.is_empty:
        return _appended(value.element, text.encode())
    return value.content, text.encode()


def _appended(element: _Element, content: bytes) -> tuple[Span, bytes]:
    """The edit that puts something at the end of an element."""
    if element.is_empty:
        closing = b"</" + element.raw_name + b">"
        return Span(element.tag.end - 2, element.tag.end), b">" + content + closing
    return Span(element.end_tag.start, element.end_tag.start), content


def _edited(packet: bytes, edits: list[tuple[Span, bytes]]) -> bytes:
    """The packet with parts replaced; as long as before if its padding allows."""
    parts: list[bytes] = []
    position = 0
    for span, text in sorted(edits):
        parts += [packet[position : span.start], text]
        position = span.end
    result = b"".join([*parts, packet[position:]])
    growth = len(result) - len(packet)
    trailer = result.rfind(b"<?xpacket end=")
    if growth <= 0 or trailer < 0:
        return result
    padding = trailer - len(result[:trailer].rstrip())
    cut = max(0, min(growth, padding - 1))
    return result[: trailer - cut] + result[trailer:]


def _parsed(packet: bytes, is_wanted: Callable[[Name], bool] | None = None) -> _Contents:
    """Find in a packet what the edits need to know.

    Args:
        packet: An XMP packet, in UTF-8.
        is_wanted: By its name, whether a property is asked for; None asks for none.

    Raises:
        ValueError: The packet is damaged, too long or too deep, or declares a document type, which
            no packet does and which could make it expand without limit.
    """
    if len(packet) > _LONGEST:
        raise ValueError("it is too long")
    # Some cameras end the packet with zeros.
    return _Parser(packet.rstrip(b"\0"), is_wanted or (lambda _name: False)).run()


class _Parser:
    """A pass through a packet."""

    def __init__(self, packet: bytes, is_wanted: Callable[[Name], bool]) -> None:
        self._packet = packet
        self._is_wanted = is_wanted
        self._open: list[_Element] = []
        self._rdf_depth = 0  # of what is inside the RDF element; 0 where nothing is
        self._wanted_depth = 0  # of the wanted element that this is in; 0 where none is
        self._contents = _Contents()
        self._parser = expat.ParserCreate("utf-8", " ")
        self._parser.ordered_attributes = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._doctype

    def run(self) -> _Contents:
        try:
            self._parser.Parse(self._packet, True)
        except expat.ExpatError as error:
            raise ValueError(str(error)) from error
        if self._contents.rdf is None:
            raise ValueError("it holds no RDF")
        return self._contents

    def _doctype(self, *_: object) -> None:
        raise ValueError("it declares a document type")

    def _start(self, name: str, names_and_values: list[str]) -> None:
        if len(self._open) >= _DEEPEST:
            raise ValueError("it is nested too deeply")
        match = _TAG.match(self._packet, self._parser.CurrentByteIndex)
        if match is None:
            raise ValueError("a tag cannot be read")
        tag, end = Span(*match.span()), Span(match.end(), match.end())
        element = _Element(_name(name), match[1], tag, bool(match[3]), end)
        self._open.append(element)
        if self._rdf_depth:
            names = map(_name, names_and_values[::2])
            attributes = zip(names, _attributes(self._packet, Span(*match.span(2))), strict=True)
            self._look_at(element, list(attributes))
        elif element.name == (_RDF, "RDF"):
            self._rdf_depth = len(self._open) + 1
            if self._contents.rdf is None:
                self._contents.rdf, self._contents.around = element, list(self._open)

    def _look_at(self, element: _Element, attributes: list[tuple[Name, tuple[Span, Span]]]) -> None:
        """Note what an element inside the RDF element and its attributes mean."""
        depth = len(self._open) - self._rdf_depth  # 0: what is described; 1: its properties
        parent = self._open[-2]
        if depth == 0 and parent is self._contents.rdf:
            self._contents.descriptions.append(element)
        if parent.value is not None:
            parent.value.has_elements = True
            if element.name in _CONTAINERS:
                parent.value.container = element
        if self._wanted_depth:
            return
        if self._is_wanted(element.name):
            self._wanted_depth = len(self._open)
            return
        if depth == 1 and element.name in _WATCHED:
            content = Span(element.tag.end, element.tag.end)
            element.value = _Value(element.tag, content, element)
            self._contents.values.setdefault(element.name, []).append(element.value)
        for name, (whole, content) in attributes:
            if self._is_wanted(name):
                self._contents.wanted.append(whole)
            elif depth == 0 and name in ((_RDF, "about"), ("", "about")):
                self._contents.about = self._contents.about or self._packet[slice(*content)]
            elif depth == 0 and name in _WATCHED:
                self._contents.values.setdefault(name, []).append(_Value(whole, content))

    def _end(self, _name: str) -> None:
        element = self._open[-1]
        if not element.is_empty:
            start = self._parser.CurrentByteIndex
            element.end_tag = Span(start, self._packet.index(b">", start) + 1)
        if element.value is not None:
            element.value.content = Span(element.tag.end, element.end_tag.start)
            element.value.whole = Span(element.tag.start, element.end_tag.end)
        if self._wanted_depth == len(self._open):
            self._wanted_depth = 0
            self._contents.wanted.append(Span(element.tag.start, element.end_tag.end))
        if self._rdf_depth == len(self._open) + 1:
            self._rdf_depth = 0
        self._open.pop()


def _attributes(packet: bytes, span: Span) -> Iterator[tuple[Span, Span]]:
    """Each attribute of a tag, with the space before it, and its value alone.

    Declarations of namespaces, which the parser does not tell, are left out.
    """
    position = span.start
    while match := _ATTRIBUTE.match(packet, position, span.end):
        end = packet.index(packet[match.end() - 1 : match.end()], match.end())
        if match[1].partition(b":")[0] != b"xmlns":
            yield Span(position, end + 1), Span(match.end(), end)
        position = end + 1


def _name(name: str) -> Name:
    """A name as the parser tells it: namespace, space, local name."""
    namespace, _, local = name.rpartition(" ")
    return namespace, local


def _tells_place(name: Name) -> bool:
    namespace, local = name
    if namespace == _RDF:
        return False
    return name in _PLACES or namespace == _WGS84 or bool(_POSITION.search(local))


def _tells_appendix(name: Name) -> bool:
    namespace, local = name
    return namespace in _APPENDIX or bool(_APPENDED.match(local))
