from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from xml.etree import ElementTree

import numpy as np
import pytest

from photostyle.image import xmp

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
XMP = "{http://ns.adobe.com/xap/1.0/}"
XMP_MM = "{http://ns.adobe.com/xap/1.0/mm/}"
EVENT = "{http://ns.adobe.com/xap/1.0/sType/ResourceEvent#}"

NOW = xmp.Event(
    "edited", "photostyle 0.1.0", "filter denoise", datetime(2026, 11, 21, 11, 6, tzinfo=UTC)
)

HEAD = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 7.1">\n'
    ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
)
NAMESPACES = (
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"'
    ' xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"'
    ' xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"'
    ' xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"'
    ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
)
FOOT = " </rdf:RDF>\n</x:xmpmeta>\n"
PADDING = "\n" + (" " * 99 + "\n") * 20
TRAILER = '<?xpacket end="w"?>'


def packet(attributes: str = "", elements: str = "", padding: str = PADDING) -> bytes:
    node = f'  <rdf:Description rdf:about="uuid:1" {NAMESPACES} {attributes}>{elements}'
    return f"{HEAD}{node}\n  </rdf:Description>\n{FOOT}{padding}{TRAILER}".encode()


TITLE = (
    '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Tür &amp; &#x1F600;</rdf:li>'
    '<rdf:li xml:lang="ja">扉</rdf:li></rdf:Alt></dc:title><!-- a comment -->'
)
HISTORY = (
    "<xmpMM:History><rdf:Seq>"
    '<rdf:li stEvt:action="created" stEvt:softwareAgent="Kamera AG 1.0"/>'
    "</rdf:Seq></xmpMM:History>"
)


def nodes(data: bytes) -> list[ElementTree.Element]:
    return ElementTree.fromstring(data).findall(f".//{RDF}RDF/{RDF}Description")


def properties(data: bytes) -> dict[str, str]:
    """Every property of the photo, as an attribute's text or an element's XML."""
    found: dict[str, str] = {}
    for node in nodes(data):
        found |= {name: value for name, value in node.attrib.items() if RDF not in name}
        for element in node:
            assert element.tag not in found
            text = ElementTree.tostring(element, encoding="unicode").strip()
            found[element.tag] = text if len(element) else element.text or ""
    return found


def history(data: bytes) -> list[dict[str, str]]:
    return [entry.attrib for entry in ElementTree.fromstring(data).iter(f"{RDF}li") if any(
        name.startswith(EVENT) for name in entry.attrib
    )]  # fmt: skip


def test_a_photo_without_a_packet_gets_one_that_tells_what_was_done():
    made = xmp.with_event(None, NOW)
    assert made.startswith(b'<?xpacket begin="\xef\xbb\xbf"')
    assert made.endswith(b'<?xpacket end="w"?>')
    assert history(made) == [
        {
            f"{EVENT}action": "edited",
            f"{EVENT}when": "2026-11-21T11:06:00+00:00",
            f"{EVENT}softwareAgent": "photostyle 0.1.0",
            f"{EVENT}parameters": "filter denoise",
        }
    ]
    assert properties(made)[f"{XMP}CreatorTool"] == "photostyle 0.1.0"
    assert properties(made)[f"{XMP}ModifyDate"] == "2026-11-21T11:06:00+00:00"
    assert properties(made)[f"{XMP}MetadataDate"] == "2026-11-21T11:06:00+00:00"


def test_the_history_grows_at_its_end():
    zone = timezone(timedelta(hours=-5))
    later = replace(NOW, action="produced", when=datetime(2027, 1, 2, 3, 4, 5, 678, tzinfo=zone))
    twice = xmp.with_event(xmp.with_event(packet(elements=HISTORY), NOW), later)
    actions = [entry[f"{EVENT}action"] for entry in history(twice)]
    assert actions == ["created", "edited", "produced"]
    assert history(twice)[2][f"{EVENT}when"] == "2027-01-02T03:04:05-05:00"
    assert properties(twice)[f"{XMP}ModifyDate"] == "2027-01-02T03:04:05-05:00"
    assert len(ElementTree.fromstring(twice).findall(f".//{XMP_MM}History")) == 1


@pytest.mark.parametrize(
    "seq", ["<rdf:Seq/>", "<rdf:Seq />", "<rdf:Seq></rdf:Seq>", "<rdf:Bag>\n</rdf:Bag>"]
)
def test_an_empty_history_is_filled(seq):
    made = xmp.with_event(packet(elements=f"<xmpMM:History>{seq}</xmpMM:History>"), NOW)
    assert len(history(made)) == 1
    assert len(ElementTree.fromstring(made).findall(f".//{XMP_MM}History/*/{RDF}li")) == 1


@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize("as_element", [False, True])
def test_dates_are_replaced_where_they_are_and_the_creator_tool_stays(quote, as_element):
    values = {"ModifyDate": "2001-01-01", "MetadataDate": "2001-01-01", "CreatorTool": "A > B"}
    attributes = " ".join(f"xmp:{name}={quote}{text}{quote}" for name, text in values.items())
    elements = "".join(f"<xmp:{name}>{text}</xmp:{name}>" for name, text in values.items())
    old = packet("", elements + HISTORY) if as_element else packet(attributes, HISTORY)
    made = xmp.with_event(old, NOW)
    assert len(nodes(made)) == 1
    assert properties(made)[f"{XMP}ModifyDate"] == "2026-11-21T11:06:00+00:00"
    assert properties(made)[f"{XMP}MetadataDate"] == "2026-11-21T11:06:00+00:00"
    assert properties(made)[f"{XMP}CreatorTool"] == "A > B"
    assert b"2001" not in made


def test_an_empty_date_is_filled():
    made = xmp.with_event(packet(elements="<xmp:ModifyDate/><xmp:MetadataDate />"), NOW)
    assert properties(made)[f"{XMP}ModifyDate"] == "2026-11-21T11:06:00+00:00"
    assert properties(made)[f"{XMP}MetadataDate"] == "2026-11-21T11:06:00+00:00"


def test_all_else_stays_byte_for_byte_and_padding_takes_up_the_growth():
    old = packet("xmp:Rating='4'", TITLE)
    made = xmp.with_event(old, NOW)
    assert len(made) == len(old)
    body = old[: old.index(b" </rdf:RDF>")]
    assert made.startswith(body)
    assert properties(made).items() > properties(old).items()
    assert [node.get(f"{RDF}about") for node in nodes(made)] == ["uuid:1", "uuid:1"]


def test_a_packet_without_padding_or_wrapper_grows():
    for old in (
        packet(elements=TITLE, padding=""),
        packet(elements=TITLE).split(b"?>\n", 1)[1].split(b"<?xpacket")[0],
    ):
        made = xmp.with_event(old, NOW)
        assert len(made) > len(old)
        assert properties(made).items() > properties(old).items()


def test_zeros_behind_the_packet_are_tolerated():
    made = xmp.with_event(packet() + bytes(7), NOW)
    assert made.endswith(b'<?xpacket end="w"?>' + bytes(7))
    assert len(history(made.rstrip(b"\0"))) == 1


def test_prefixes_are_free():
    old = (
        b'<R xmlns="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<Description xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" r:about=\'a"b\' '
        b'xmlns:k="http://ns.adobe.com/xap/1.0/" k:ModifyDate="1999">'
        b'<m:History xmlns:m="http://ns.adobe.com/xap/1.0/mm/"><Seq/></m:History>'
        b"</Description></R>"
    ).replace(b"<R ", b"<RDF ").replace(b"</R>", b"</RDF>")  # fmt: skip
    made = xmp.with_event(old, NOW)
    root = ElementTree.fromstring(made)
    assert root[0].get(f"{XMP}ModifyDate") == "2026-11-21T11:06:00+00:00"
    assert len(root.findall(f"*/{XMP_MM}History/{RDF}Seq/{RDF}li")) == 1
    assert [node.get(f"{RDF}about") for node in root] == ['a"b', 'a"b']


def test_an_rdf_element_without_content_is_filled():
    made = xmp.with_event(b'<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" />', NOW)
    assert len(history(made)) == 1


def test_of_two_rdf_elements_both_are_searched():
    place = "<xmp:ModifyDate>2001</xmp:ModifyDate><exif:GPSLatitude>1</exif:GPSLatitude>"
    second = packet("", place, "").split(b"?>", 1)[1]
    second = second.split(b"<?xpacket")[0].replace(b"</x:xmpmeta>", b"</x:xmpmeta></x:more>")
    first = packet().replace(b"</x:xmpmeta>", b"<x:more>" + second + b"</x:xmpmeta>")
    made = xmp.without_position(xmp.with_event(first, NOW))
    assert b"2001" not in made
    assert b"GPSLatitude" not in made
    assert len(history(made)) == 1


def test_text_that_xml_does_not_know_is_replaced():
    made = xmp.with_event(None, replace(NOW, parameters="a\0b\ud800 \x1b <&>\"' ü\n扉"))
    assert history(made)[0][f"{EVENT}parameters"] == "a\ufffdb\ufffd \ufffd <&>\"' ü 扉"


def test_a_thumbnail_of_the_photo_as_it_was_goes():
    thumbnail = (
        "<xmp:Thumbnails><rdf:Alt><rdf:li>how things were</rdf:li></rdf:Alt></xmp:Thumbnails>"
    )
    made = xmp.with_event(packet(elements=thumbnail + TITLE), NOW)
    assert b"how things were" not in made
    assert "扉".encode() in made


@pytest.mark.parametrize(
    "elements",
    [
        "<xmpMM:History>a text</xmpMM:History>",
        "<xmp:ModifyDate><rdf:Alt/></xmp:ModifyDate>",
    ],
)
def test_a_history_or_date_of_unknown_form_is_a_value_error(elements):
    with pytest.raises(ValueError, match="unknown form"):
        xmp.with_event(packet(elements=elements), NOW)


POSITION = (
    "<exif:GPSLatitude>48,8.0N</exif:GPSLatitude><exif:GPSLongitude>11,5.0E</exif:GPSLongitude>",
    "<photoshop:City>Munich</photoshop:City><photoshop:State>Bavaria</photoshop:State>",
    (
        "<photoshop:Country>Germany</photoshop:Country>"
        "<Iptc4xmpCore:Location>Marienplatz</Iptc4xmpCore:Location>"
    ),
    (
        "<Iptc4xmpExt:LocationShown><rdf:Bag><rdf:li><rdf:Description Iptc4xmpExt:City='Munich'>"
        "<exif:GPSLatitude>48,8.0N</exif:GPSLatitude></rdf:Description></rdf:li></rdf:Bag>"
        "</Iptc4xmpExt:LocationShown>"
    ),
    (
        "<Iptc4xmpExt:LocationCreated rdf:parseType='Resource'><Iptc4xmpExt:City>Munich"
        "</Iptc4xmpExt:City></Iptc4xmpExt:LocationCreated>"
    ),
    "<drone:GpsLongtitude xmlns:drone='http://www.dji.com/drone-dji/1.0/'>11.5</drone:GpsLongtitude>",
    "<g:lat xmlns:g='http://www.w3.org/2003/01/geo/wgs84_pos#'>48.1</g:lat>",
    (
        "<xmpMM:Ingredients><rdf:Bag><rdf:li exif:GPSLatitude='48,8.0N' dc:format='image/png'/>"
        "</rdf:Bag></xmpMM:Ingredients>"
    ),
)
SECRETS = (b"48,8", b"48.1", b"11,5", b"11.5", b"Munich", b"Bavaria", b"Germany", b"Marienplatz")


@pytest.mark.parametrize("element", POSITION)
def test_a_place_in_elements_goes_and_the_rest_stays(element):
    old = packet("xmp:Rating='4'", TITLE + element + HISTORY)
    assert any(secret in old for secret in SECRETS)
    without = xmp.without_position(old)
    assert not any(secret in without for secret in SECRETS)
    expected = properties(packet("xmp:Rating='4'", TITLE + HISTORY))
    assert expected.items() <= properties(without).items()
    assert TITLE.encode() in without
    assert xmp.without_position(without) == without


def test_a_place_in_attributes_goes_and_the_rest_stays():
    old = packet(
        "exif:GPSLatitude='48,8.0N' xmp:Rating='4'\n   exif:GPSLongitude = \"11,5.0E\" "
        "photoshop:City='Munich > Bavaria'\tIptc4xmpCore:Location='Marienplatz'",
        TITLE,
    )
    without = xmp.without_position(old)
    assert not any(secret in without for secret in SECRETS)
    assert properties(without) == properties(packet("xmp:Rating='4'", TITLE))


def test_a_packet_without_a_place_stays_as_it_is():
    old = packet("xmp:Rating='4' dc:City='no place'", TITLE + HISTORY)
    assert xmp.without_position(old) == old


BOMB = (
    b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    + packet(elements="<dc:title>&b;</dc:title>")
)  # fmt: skip
DAMAGED = {
    "empty": b" ",
    "no XML": b"II*\0",
    "cut": packet(elements=TITLE)[:700],
    "document type": BOMB,
    "external entity": b'<!DOCTYPE a SYSTEM "file:///etc/passwd">' + packet(),
    "unknown entity": packet(elements="<dc:title>&b;</dc:title>"),
    "unknown prefix": packet(elements="<foo:title>a</foo:title>"),
    "other encoding": packet(elements=TITLE).decode().encode("utf-16"),
    "no RDF": b"<a/>",
    "too deep": packet(elements="<dc:a>" * 5000 + "</dc:a>" * 5000),
    "too long": packet(padding=" " * (1 << 24)),
}


@pytest.mark.parametrize("edit", [xmp.without_position, lambda old: xmp.with_event(old, NOW)])
@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_packet_is_a_value_error(edit, kind):
    with pytest.raises(ValueError, match=r"\w"):
        edit(DAMAGED[kind])


def test_random_damage_is_a_value_error_or_gives_a_packet_that_can_be_read():
    old = packet("exif:GPSLatitude='1' xmp:ModifyDate='2001'", TITLE + HISTORY + POSITION[3])
    rng = np.random.default_rng(0)
    read = 0
    for _ in range(400):
        broken = bytearray(old[: rng.integers(len(old))] if rng.random() < 0.2 else old)
        for place in rng.integers(0, len(broken), rng.integers(1, 3)):
            broken[place : place + 1] = bytes(rng.choice(list(b"<>/&'\" :=a\0\xff"), 1).tolist())
        try:
            made = xmp.without_position(xmp.with_event(bytes(broken), NOW))
        except ValueError:
            continue
        read += 1
        ElementTree.fromstring(made.rstrip(b"\0"))
        assert b"photostyle 0.1.0" in made
    assert read > 20


@pytest.mark.parametrize(
    "elements",
    [
        "<dc:a" + " " * 400_000 + "/>",
        "<dc:a " + " ".join(f"dc:b{i}='{i}'" for i in range(8_000)) + "/>",
        "<dc:a/>" * 8_000,
        "<dc:a>" + " \n" * 400_000 + "</dc:a>",
        "<exif:GPSTimeStamp/>" * 8_000,
        f"{HISTORY}<xmp:ModifyDate/>" * 1_500,
    ],
    ids=["space", "attributes", "elements", "text", "places", "repeated"],
)
def test_long_packets_take_time_in_proportion_to_their_length(elements):
    old = packet(elements=elements)
    started = time.process_time()
    xmp.with_event(xmp.without_position(old), NOW)
    assert time.process_time() - started < 1


def rdf_of(descriptions: str) -> bytes:
    """A packet whose namespaces are declared around the descriptions."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f"{descriptions}</rdf:RDF></x:xmpmeta>"
    ).encode()


@pytest.mark.parametrize(
    "statement",
    [' n:HasExtendedXMP="{}"/>', "><n:HasExtendedXMP>{}</n:HasExtendedXMP></rdf:Description>"],
)
def test_a_statement_of_an_extension_is_read_and_taken_out(statement):
    start = '<rdf:Description rdf:about="" xmlns:n="http://ns.adobe.com/xmp/note/" dc:a="b"'
    packet = rdf_of(start + statement.format("A" * 32))
    assert xmp.extension_digest(packet) == b"A" * 32
    without = xmp.without_extension(packet)
    assert xmp.extension_digest(without) is None
    assert b'dc:a="b"' in without
    joined = xmp.joined(packet, rdf_of('<rdf:Description dc:c="d"/>'))
    assert xmp.extension_digest(joined) is None
    assert joined.count(b"<rdf:Description") == 2


def test_a_joined_packet_keeps_the_namespaces_of_its_extension():
    near = '<rdf:Description xmlns:dc="near" dc:c="d"/>'
    far = '<rdf:Description dc:e="f"><dc:g>h</dc:g></rdf:Description>'
    bare = rdf_of("").replace(b' xmlns:dc="http://purl.org/dc/elements/1.1/"', b"")
    rdf = ElementTree.fromstring(xmp.joined(bare, rdf_of(near + far)))[0]
    assert rdf[0].attrib == {"{near}c": "d"}
    assert rdf[1].attrib == {"{http://purl.org/dc/elements/1.1/}e": "f"}
    assert rdf[1][0].text == "h"


def test_a_divided_packet_is_short_enough_and_joins_again():
    parts = [f'<rdf:Description dc:p{i}="{"x" * size}"/>' for i, size in enumerate((50, 900, 300))]
    packet = rdf_of("".join(parts))
    # What states that there is an extension takes about 200 bytes.
    for excess, moved in ((50, [2]), (400, [1]), (900, [1, 2])):
        longest = len(packet) - excess
        first, extension = xmp.divided(packet, longest)
        assert len(first) <= longest
        digest = hashlib.md5(extension, usedforsecurity=False).hexdigest().upper()
        assert xmp.extension_digest(first) == digest.encode()
        for i in range(3):
            assert (f"dc:p{i}=".encode() in extension) == (i in moved)
            assert (f"dc:p{i}=".encode() in first) == (i not in moved)
        joined = ElementTree.fromstring(xmp.joined(first, extension))[0]
        assert {name for each in joined for name in each.attrib if "elements" in name} == {
            f"{{http://purl.org/dc/elements/1.1/}}p{i}" for i in range(3)
        }


@pytest.mark.parametrize("packet", [rdf_of("<rdf:Description/>"), rdf_of(""), b"no packet"])
def test_what_cannot_be_divided_is_a_value_error(packet):
    with pytest.raises(ValueError, match=r"divided|syntax"):
        xmp.divided(packet, 10)


MOTION = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:G="http://ns.google.com/photos/1.0/camera/" '
    b'xmlns:C="http://ns.google.com/photos/1.0/container/" '
    b'xmlns:Item="http://ns.google.com/photos/1.0/container/item/" '
    b'xmlns:h="http://ns.adobe.com/hdr-gain-map/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    b'%s xmp:Label="a hill"%s>%s</rdf:Description></rdf:RDF></x:xmpmeta>'
)


def test_what_announces_a_film_or_gain_map_behind_the_photo_goes():
    before = b' G:MotionPhoto="1" G:MotionPhotoVersion="1"'
    after = b' G:MicroVideoOffset="123" h:Version="1.0"'
    inside = (
        b"<C:Directory><rdf:Seq><rdf:li><C:Item Item:Semantic='Primary'/></rdf:li></rdf:Seq>"
        b"</C:Directory><G:MicroVideo>1</G:MicroVideo>"
    )
    packet = MOTION % (before, after, inside)
    assert xmp.without_appendix(packet) == MOTION % (b"", b"", b"")
    # Whatever is not about that stays, in damaged packets all.
    plain = MOTION % (b"", b' G:SpecialTypeID="portrait"', b"<xmp:Rating>3</xmp:Rating>")
    assert xmp.without_appendix(plain) == plain
    assert xmp.without_appendix(packet[:-20]) == packet[:-20]
