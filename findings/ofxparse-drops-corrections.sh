#!/usr/bin/env bash
# ofxparse 0.21: a corrected deposit counts twice, and euros count as dollars.
#
# OFX lets a bank replace an entry it sent before: the new one names the old one in CORRECTFITID and says REPLACE in
# CORRECTACTION. An entry in another currency than the statement's says so in CURRENCY. ofxparse reads the statement
# below without a word of either: it gives three plain entries of 100, 150 and 50, whose sum is 300 "usd". What the bank
# says is 150 US dollars (the 100 was replaced) and 50 euros. ofxtools 1.1.1 keeps both fields on its entries.
#
# Seen on 28 November 2026. This script fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ofxparse==0.21 ofxtools==1.1.1

"$folder/venv/bin/python" - <<'PYTHON'
import io

from ofxparse import OfxParser
from ofxtools.Parser import OFXTree

STATEMENT = b"""OFXHEADER:100
DATA:OFXSGML
VERSION:151
SECURITY:NONE
ENCODING:USASCII
CHARSET:1252
COMPRESSION:NONE
OLDFILEUID:NONE
NEWFILEUID:NONE

<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20261120120000<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1>
<BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>USD
<BANKACCTFROM><BANKID>000000000<ACCTID>0001<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20261101<DTEND>20261120
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20261118<TRNAMT>100.00<FITID>A1<NAME>A DEPOSIT</STMTTRN>
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20261119<TRNAMT>150.00<FITID>A2<CORRECTFITID>A1<CORRECTACTION>REPLACE<NAME>A DEPOSIT</STMTTRN>
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20261119<TRNAMT>50.00<FITID>A3<NAME>A DEPOSIT<CURRENCY><CURRATE>1.10<CURSYM>EUR</CURRENCY></STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>205.00<DTASOF>20261120</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""

statement = OfxParser.parse(io.BytesIO(STATEMENT)).account.statement
amounts = [str(entry.amount) for entry in statement.transactions]
kept = {name for entry in statement.transactions for name in vars(entry) if "correct" in name or "curr" in name}
print(f"ofxparse 0.21 read entries of {', '.join(amounts)}, in {statement.currency}, and kept these of their corrections and currencies: {kept or 'nothing'}.")
assert (amounts, statement.currency, kept) == (["100.00", "150.00", "50.00"], "usd", set())

tree = OFXTree()
tree.parse(io.BytesIO(STATEMENT))
_, second, third = tree.convert().statements[0].transactions
print(f"ofxtools 1.1.1 knows that the second entry is to {second.correctaction} {second.correctfitid}, and that the third is in {third.currency.cursym}.")
assert (second.correctaction, second.correctfitid, third.currency.cursym) == ("REPLACE", "A1", "EUR")
PYTHON
