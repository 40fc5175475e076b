"""The workbook: sheets described in ``report.sheets`` are written with openpyxl here only.

openpyxl writes all but the cells: those go into its file as text (``report.sheet_xml``), much
sooner, and with the engine's figures beside the formulas, since a preview or a protected view
works nothing out. Excel is told to recalculate on load. Nothing in the file depends on the clock:
the same arguments give the same bytes.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import Cell as ExcelCell
from openpyxl.chart import BarChart, LineChart, Reference
from openpyxl.chart import Series as ExcelSeries
from openpyxl.chart.data_source import StrRef
from openpyxl.chart.label import DataLabelList
from openpyxl.chart.series import SeriesLabel
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText, Text
from openpyxl.chart.title import Title
from openpyxl.comments import Comment
from openpyxl.drawing.image import Image
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.text import (
    CharacterProperties,
    Paragraph,
    ParagraphProperties,
    RegularTextRun,
)
from openpyxl.formatting.rule import FormulaRule
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.pagebreak import Break
from openpyxl.worksheet.worksheet import Worksheet

from scfcap.report.book import (
    Area,
    Book,
    Chart,
    Picture,
    Series,
    Sheet,
    Style,
    address,
    letter,
)
from scfcap.report.branding import on_paper, readable
from scfcap.report.excel_limits import (
    CELL_CHARACTERS,
    check_sheet,
    check_styles,
    coded,
    header_text,
    property_text,
    safe_formula,
    safe_text,
)
from scfcap.report.sheet_xml import Looks, with_cells
from scfcap.report.sheets import build_book
from scfcap.report.tables import RunMeta, Table
from scfcap.schema.files import put_in_place
from scfcap.schema.report import Pack

__all__ = ["CELL_CHARACTERS", "book_bytes", "build_workbook", "write_book"]

_FIRST_YEAR = (1980, 1, 1, 0, 0, 0)
_INKS = {
    "input": "0000FF",
    "engine": "33475B",
    "formula": "000000",
    "link": "007A33",
    "text": "000000",
    "note": "6B7280",
    "head": "FFFFFF",
    "title": "1F3A5F",
    "light": "000000",
}
_FILLS = {"head": "1F3A5F", "band": "E8EDF3", "total": "F4F6F9", "light": "F4F6F9"}
#: Fonts that Excel has, and that LibreOffice replaces by one with the same signs. Chinese is not
#: set in italics.
_FONTS = {"en": "Calibri", "zh": "Microsoft YaHei"}
_PAGES = {"en": "Page &P of &N", "zh": "第 &P 页，共 &N 页"}
_LOOKS = {
    "good": ("C6EFCE", "006100"),
    "bad": ("FFC7CE", "9C0006"),
    "near": ("FFD978", "5C3A00"),
    "binding": ("FFF2CC", "000000"),
    "faint": (None, "9CA3AF"),
}
_MODIFIED = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*(</dcterms:modified>)")


def build_workbook(tables: Mapping[str, Table], pack: Pack, meta: RunMeta, path: Path) -> Path:
    """Write the workbook of ``pack`` to ``path`` (aside, then renamed); returns ``path``.

    ``tables`` are those of :func:`scfcap.report.tables.run_tables`. The same arguments give the
    same bytes. Raises :class:`~scfcap.errors.InputError` where the folder cannot be written.
    """
    return write_book(build_book(tables, pack, meta), path)


def write_book(book: Book, path: Path, *, values: bool = True) -> Path:
    """Write ``book`` to ``path``; ``values=False`` leaves the formulas without their figures."""
    expected = "a folder that exists and may be written, and a workbook that is not open"
    action = "Close the workbook, or give another --out."
    return put_in_place(path, book_bytes(book, values=values), expected, action)


def book_bytes(book: Book, *, values: bool = True) -> bytes:
    """The file's bytes."""
    workbook = Workbook()
    workbook.remove(workbook.active)
    for sheet in book.sheets:
        check_sheet(sheet)
    made = [(workbook.create_sheet(sheet.name), sheet) for sheet in book.sheets]
    looks = {style: _looks(made[0][0], style, book) for style in _styles(book)}
    check_styles(2 * len(looks), book)
    for target, sheet in made:
        _write_sheet(target, sheet, book)
    for name, area in book.names.items():
        workbook.defined_names[name] = DefinedName(name, attr_text=area.absolute)
    stamp = datetime(book.as_of.year, book.as_of.month, book.as_of.day)  # noqa: DTZ001
    workbook.properties.title = property_text(book.title)
    workbook.properties.subject = property_text(book.subject)
    workbook.properties.creator = "scfcap"
    workbook.properties.created = stamp
    workbook.calculation.fullCalcOnLoad = True
    raw = BytesIO()
    workbook.save(raw)
    return _finished(raw, book, stamp, looks, values=values)


def _styles(book: Book) -> dict[Style, None]:
    """Every style of the book, in the order in which they come."""
    found: dict[Style, None] = {}
    for sheet in book.sheets:
        found |= dict.fromkeys(cell.style for cell in sheet.cells.values())
        found |= dict.fromkeys(strip.style for strip in sheet.strips)
    return found


def _looks(target: Worksheet, style: Style, book: Book) -> Looks:
    """The numbers of a style in the file, as it is and for texts that look like a formula."""
    cell, quoted = (_styled_cell(target, style, book) for _ in range(2))
    quoted.quotePrefix = True
    return cell.style_id, quoted.style_id


def _write_sheet(target: Worksheet, sheet: Sheet, book: Book) -> None:
    """All of a sheet but its cells."""
    for (row, column), cell in sheet.cells.items():
        if cell.note:
            target.cell(row, column).comment = _comment(cell.note)
        if cell.goto is not None:
            place = address(row, column)
            target._hyperlinks.append(Hyperlink(ref=place, location=cell.goto.linked, display=""))
    for column, width in sheet.widths.items():
        target.column_dimensions[letter(column)].width = width
    for area in sheet.merges:
        target.merge_cells(area.local)
    for chart in sheet.charts:
        target.add_chart(_chart(target.parent, chart), f"{letter(chart.column)}{chart.row}")
    for picture in sheet.pictures:
        target.add_image(_image(picture), f"{letter(picture.column)}{picture.row}")
    for condition in sheet.conditions:
        back, ink = _LOOKS[condition.look]
        rule = FormulaRule(
            formula=[safe_formula(condition.formula)],
            fill=PatternFill(bgColor=back, fill_type="solid") if back else None,
            font=Font(color=ink),
        )
        target.conditional_formatting.add(condition.area.local, rule)
    if sheet.filter_area is not None:
        target.auto_filter.ref = sheet.filter_area.local
    _page(target, sheet, book)


def _page(target: Worksheet, sheet: Sheet, book: Book) -> None:
    target.sheet_view.showGridLines = sheet.gridlines
    target.sheet_state = "hidden" if sheet.hidden else "visible"
    target.sheet_view.zoomScale = 90
    if sheet.freeze is not None:
        target.freeze_panes = f"{letter(sheet.freeze[1])}{sheet.freeze[0]}"
    target.page_setup.orientation = "landscape"
    target.page_setup.paperSize = target.PAPERSIZE_A4
    target.sheet_properties.pageSetUpPr.fitToPage = True
    target.page_setup.fitToWidth = sheet.pages_wide
    target.page_setup.fitToHeight = 1 if sheet.one_page else sheet.pages_tall
    if not sheet.hidden:  # LibreOffice prints a hidden sheet that has a print area
        target.print_area = f"A1:{letter(sheet.last_column)}{sheet.last_row}"
    if sheet.title_rows is not None:
        target.print_title_rows = f"{sheet.title_rows[0]}:{sheet.title_rows[1]}"
    if sheet.title_columns is not None:
        first, last = sheet.title_columns
        target.print_title_cols = f"{letter(first)}:{letter(last)}"
    for row in sheet.breaks:
        target.row_breaks.append(Break(id=row))
    margins = target.page_margins
    margins.left = margins.right = 0.4
    margins.top, margins.bottom, margins.header, margins.footer = 0.65, 0.6, 0.3, 0.3
    target.print_options.horizontalCentered = True
    for part, text in (
        (target.oddHeader.left, header_text(book.title)),
        (target.oddHeader.right, "&A"),
        (target.oddFooter.left, header_text(book.footer)),
        (target.oddFooter.right, _PAGES[book.language]),
    ):
        part.text = text
        part.size = 8


def _styled_cell(target: Worksheet, style: Style, book: Book) -> ExcelCell:
    cell = ExcelCell(target)
    inks = _INKS | {"title": on_paper(book.colour), "head": readable(book.colour)}
    cell.font = Font(
        name=_FONTS[book.language],
        size=style.size,
        bold=style.bold,
        italic=style.ink == "note" and book.language == "en",
        color=inks[style.ink],
    )
    if style.fill:
        cell.fill = PatternFill(
            "solid", start_color=book.colour if style.fill == "head" else _FILLS[style.fill]
        )
    if style.top:
        cell.border = Border(top=Side(style="thin", color="7F8C9A"))
    cell.alignment = Alignment(
        horizontal=style.align or ("left" if style.indent else None),
        vertical="center",
        wrap_text=style.wrap,
        indent=style.indent,
    )
    cell.number_format = style.number_format
    return cell


def _image(picture: Picture) -> Image:
    image = Image(BytesIO(picture.content))
    image.width, image.height = (size * 96.0 / 2.54 for size in (picture.width, picture.height))
    return image


def _comment(text: str) -> Comment:
    """A cell's comment, of a size in which its text can be read."""
    told = coded(safe_text(text))
    lines = sum(max(1, -(-len(part) // 44)) for part in told.split("\n"))
    return Comment(told, "scfcap", height=min(16 * lines + 16, 400), width=300)


def _reference(workbook: Workbook, area: Area) -> Reference:
    return Reference(
        workbook[area.sheet],
        min_col=area.column,
        min_row=area.row,
        max_col=area.last_column,
        max_row=area.last_row,
    )


def _text(size: int, *, bold: bool = False, ink: str = "44546A") -> CharacterProperties:
    return CharacterProperties(sz=size * 100, b=bold, solidFill=ink)


def _rich(size: int, ink: str = "44546A") -> RichText:
    properties = ParagraphProperties(defRPr=_text(size, ink=ink))
    return RichText(p=[Paragraph(pPr=properties, endParaRPr=_text(size, ink=ink))])


def _title(text: str, size: int) -> Title:
    run = RegularTextRun(rPr=_text(size, bold=True), t=property_text(text))
    paragraph = Paragraph(pPr=ParagraphProperties(defRPr=_text(size, bold=True)), r=[run])
    return Title(tx=Text(rich=RichText(p=[paragraph])), overlay=False)


def _chart(workbook: Workbook, chart: Chart) -> Any:
    drawn: Any = LineChart() if chart.kind == "lines" else BarChart()
    if chart.kind == "bars":
        drawn.type = "bar"
    if chart.kind == "stacked":
        drawn.grouping, drawn.overlap = "stacked", 100
    if chart.kind != "lines":
        drawn.gapWidth = 45
    for series in chart.series:
        line = ExcelSeries(_reference(workbook, series.values))
        line.tx = SeriesLabel(strRef=StrRef(f=series.name.absolute))
        if chart.kind == "lines":
            line.graphicalProperties.line.solidFill = series.colour
            line.graphicalProperties.line.width = 22_000
            line.marker.symbol = "none"
            line.smooth = False
        else:
            _paint(line, series)
            line.invertIfNegative = False
        drawn.series.append(line)
    drawn.set_categories(_reference(workbook, chart.categories))
    drawn.title = _title(chart.title, 12)
    drawn.width, drawn.height = chart.width, chart.height
    if len(chart.series) == 1 or not chart.legend:
        drawn.legend = None
    else:
        drawn.legend.position = "b"
        drawn.legend.txPr = _rich(9)
    _axes(drawn, chart)
    drawn.graphical_properties = GraphicalProperties(ln=LineProperties(noFill=True))
    drawn.roundedCorners = False
    return drawn


def _paint(bars: ExcelSeries, series: Series) -> None:
    """The colour of bars, none where they only take room, and their values where asked for."""
    look = bars.graphicalProperties
    if series.colour:
        look.solidFill = series.colour
    else:
        look.noFill = True
    look.line.noFill = True
    if series.labels:
        bars.dLbls = DataLabelList(
            numFmt=series.labels,
            txPr=_rich(9, series.label_ink),
            showVal=True,
            showSerName=False,
            showCatName=False,
            showLegendKey=False,
            showPercent=False,
        )


def _axes(drawn: Any, chart: Chart) -> None:
    for axis in (drawn.x_axis, drawn.y_axis):
        axis.delete = False
        axis.txPr = _rich(9)
        axis.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill="BFC7D1"))
    drawn.x_axis.tickLblPos = "low"
    drawn.x_axis.majorTickMark = "none"
    drawn.x_axis.number_format = chart.category_format
    drawn.y_axis.number_format = chart.number_format
    drawn.y_axis.majorTickMark = "none"
    drawn.y_axis.scaling.max, drawn.y_axis.scaling.min = chart.most, chart.least
    drawn.y_axis.majorGridlines.spPr = GraphicalProperties(ln=LineProperties(solidFill="E3E7EC"))
    if chart.value_title:
        drawn.y_axis.title = _title(chart.value_title, 9)
    if chart.kind == "bars":
        drawn.x_axis.scaling.orientation = "maxMin"
        drawn.y_axis.crosses = "max"


def _finished(
    raw: BytesIO, book: Book, stamp: datetime, looks: Mapping[Style, Looks], *, values: bool
) -> bytes:
    """The archive again with fixed times and the cells of the sheets."""
    sheets: dict[str, Sheet] = {
        f"xl/worksheets/sheet{number}.xml": sheet for number, sheet in enumerate(book.sheets, 1)
    }
    out = BytesIO()
    with (
        zipfile.ZipFile(raw) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as target,
    ):
        for name in source.namelist():
            data = source.read(name)
            entry = zipfile.ZipInfo(name, _FIRST_YEAR)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            if name in sheets:
                with target.open(entry, "w") as file:
                    for part in with_cells(data.decode(), sheets[name], looks, values=values):
                        file.write(part.encode())
                continue
            if name == "docProps/core.xml":
                data = _MODIFIED.sub(rf"\g<1>{stamp:%Y-%m-%dT%H:%M:%SZ}\g<2>".encode(), data)
            target.writestr(entry, data)
    return out.getvalue()
