"""JUnit XML by the schema of Jenkins' xUnit plug-in: a suite a file, a test case a finding and one for the verdict."""

from xml.etree import ElementTree as ET

from app.checks.examine import Examined
from app.checks.finding import Finding
from app.checks.formats import words
from app.checks.run import Result

_FORBIDDEN = dict.fromkeys((*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0xFFFE, 0xFFFF), "�")
"""Characters that XML cannot hold."""


def render(result: Result) -> str:
    """The result as JUnit XML."""
    root = ET.Element("testsuites", name="tunewise")
    by_file: dict[str, list[Examined]] = {}
    for each in result.examined:
        by_file.setdefault(each.document.file, []).append(each)
    for file, members in by_file.items():
        root.append(_suite(file, members))
    ET.indent(root)
    return "<?xml version='1.0' encoding='UTF-8'?>\n" + ET.tostring(root, encoding="unicode") + "\n"


def _suite(file: str, members: list[Examined]) -> ET.Element:
    findings = [f for each in members for f in each.findings]
    readable = [each for each in members if each.case is not None]
    suite = ET.Element("testsuite", name=_xml(file))
    suite.set("tests", str(len(findings) + len(readable)))
    suite.set("failures", str(sum(f.blocks and f.rule != "PROPOSAL-INVALID" for f in findings)))
    suite.set("errors", str(sum(f.rule == "PROPOSAL-INVALID" for f in findings)))
    suite.set("skipped", str(sum(f.state != "new" for f in findings)))
    for each in readable:
        suite.append(_verdict(each))
    suite.extend(_case(finding) for each in members for finding in each.findings)
    return suite


def _verdict(each: Examined) -> ET.Element:
    made = ET.Element("testcase", name="answered", classname=_xml(each.title))
    if each.case is not None:
        ET.SubElement(made, "system-out").text = _xml(each.case.report.recommendation.headline)
    return made


def _case(finding: Finding) -> ET.Element:
    name = finding.rule + (f" {finding.subject}" if finding.subject and finding.rule != "PROPOSAL-INVALID" else "")
    made = ET.Element("testcase", name=_xml(name), classname=_xml(finding.proposal))
    body = f"{finding.file}:{finding.line}: {finding.message}\n{finding.number}\n{finding.why}\n{finding.change}"
    if finding.state != "new":
        ET.SubElement(made, "skipped", message=_xml(words.standing(finding)))
    elif finding.rule == "PROPOSAL-INVALID":
        ET.SubElement(made, "error", message=_xml(finding.message), type=finding.rule).text = _xml(body)
    elif finding.blocks:
        ET.SubElement(made, "failure", message=_xml(finding.message), type=finding.severity).text = _xml(body)
    if finding.state != "new" or not finding.blocks:
        ET.SubElement(made, "system-out").text = _xml(f"{finding.severity}: {body}")
    return made


def _xml(text: str) -> str:
    return text.translate(_FORBIDDEN)
