"""Tables as files: a table is described once (`table`) and written as CSV or as an XLSX workbook (`files`)."""
