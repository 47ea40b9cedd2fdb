"""XMP packets that say how a picture came about."""

from __future__ import annotations

from xml.etree import ElementTree

COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""The IPTC term for a picture partly made by a trained model."""

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DC = "http://purl.org/dc/elements/1.1/"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_META = "adobe:ns:meta/"
_SOURCE_TYPE = f"{{{_IPTC}}}DigitalSourceType"
_DESCRIPTION = f"{{{_DC}}}description"
_NODE, _ITEM, _ALTERNATIVES = f"{{{_RDF}}}Description", f"{{{_RDF}}}li", f"{{{_RDF}}}Alt"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_BEGIN = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
_END = b'\n<?xpacket end="w"?>'

for _prefix, _uri in (("rdf", _RDF), ("dc", _DC), ("Iptc4xmpExt", _IPTC), ("x", _META)):
    ElementTree.register_namespace(_prefix, _uri)


def marked_packet(existing: bytes | None, text: str) -> bytes:
    """An XMP packet with the digital source type `COMPOSITE` and `text` as description, added to what
    `existing` says; an unreadable one is replaced."""
    root = _parsed(existing)
    rdf = root.find(f".//{{{_RDF}}}RDF") if root.tag != f"{{{_RDF}}}RDF" else root
    if rdf is None:
        root = _empty()
        rdf = root[0]
    for node in rdf.findall(_NODE):
        node.attrib.pop(_SOURCE_TYPE, None)
        for old in node.findall(_SOURCE_TYPE):
            node.remove(old)
    node = _node_with(rdf, _DESCRIPTION)
    ElementTree.SubElement(node, _SOURCE_TYPE).text = COMPOSITE
    _describe(node, text)
    packet: bytes = ElementTree.tostring(root, encoding="utf-8")
    return _BEGIN + packet + _END


def _parsed(packet: bytes | None) -> ElementTree.Element:
    # No declarations: XMP has none, and entities could blow a small packet up.
    if not packet or b"<!" in packet.replace(b"<!--", b""):
        return _empty()
    try:
        return ElementTree.fromstring(packet.strip(b"\0 \r\n\t"))
    except (ElementTree.ParseError, ValueError, LookupError):
        return _empty()


def _empty() -> ElementTree.Element:
    root = ElementTree.Element(f"{{{_META}}}xmpmeta")
    ElementTree.SubElement(root, f"{{{_RDF}}}RDF")
    return root


def _node_with(rdf: ElementTree.Element, child: str) -> ElementTree.Element:
    nodes = rdf.findall(_NODE)
    for node in nodes:
        if node.find(child) is not None:
            return node
    if nodes:
        return nodes[0]
    return ElementTree.SubElement(rdf, _NODE, {f"{{{_RDF}}}about": ""})


def _describe(node: ElementTree.Element, text: str) -> None:
    item = node.find(f"{_DESCRIPTION}/{_ALTERNATIVES}/{_ITEM}")
    if item is None:
        for old in node.findall(_DESCRIPTION):
            node.remove(old)
        alternatives = ElementTree.SubElement(ElementTree.SubElement(node, _DESCRIPTION), _ALTERNATIVES)
        item = ElementTree.SubElement(alternatives, _ITEM, {_LANGUAGE: "x-default"})
    old_text = item.text or ""
    if text not in old_text.split("\n"):
        item.text = f"{old_text}\n{text}" if old_text else text
