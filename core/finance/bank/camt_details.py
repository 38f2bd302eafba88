"""The details below an entry of CAMT.053: references, remittance text, and the amounts of a batch's parts."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from core.finance.bank.statements import currency_of, decimal_of, money_of, reference_of
from core.finance.bank.xml_elements import Element, child, children, find, line_of, local_name, text_of
from core.money import Money

_NO_REFERENCES = ("Tp", "Prtry")
_RETURN_FAMILIES = ("RRTN", "RPCR")  # reversal due to a return, or to a cancellation request


@dataclass(frozen=True)
class Details:
    """One transaction of an entry; `amount` is None if the bank gives none."""

    line: int | None = None
    amount: Money | None = None
    bank_id: str | None = None
    is_return: bool = False
    references: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    @classmethod
    def together(cls, details: Iterable[Self]) -> "Details":
        """Joins several into one without an amount: the entry's amount applies."""
        found = list(details)
        return Details(
            is_return=any(each.is_return for each in found),
            bank_id=found[0].bank_id if len(found) == 1 else None,
            references=tuple(reference for each in found for reference in each.references),
            texts=tuple(text for each in found for text in each.texts),
        )


def details_of(entry: Element, amount: Money) -> list[Details]:
    """Each transaction of the entry. Its amount has the sign that it states, otherwise the entry's."""
    returned = _is_return(child(entry, "BkTxCd"))
    return [
        _details(each, amount, returned)
        for several in children(entry, "NtryDtls")
        for each in children(several, "TxDtls")
    ] or [Details(is_return=returned)]


def _details(element: Element, entry: Money, returned: bool) -> Details:
    references, remittance, back = child(element, "Refs"), child(element, "RmtInf"), child(element, "RtrInf")
    names = [
        text_of(party, "Nm") or text_of(party, "Pty", "Nm")
        for role in ("Dbtr", "UltmtDbtr", "Cdtr", "UltmtCdtr")
        for party in children(child(element, "RltdPties"), role)
    ]
    written = [
        *_texts(remittance),
        *(text_of(each) for name in ("AddtlTxInf", "AddtlRmtInf") for each in children(element, name)),
        *names,
        *(text_of(each) for each in children(back, "AddtlInf")),
    ]
    return Details(
        line=line_of(element),
        amount=_amount(element, entry),
        bank_id=reference_of(text_of(references, "AcctSvcrRef")),
        is_return=returned or back is not None or _is_return(child(element, "BkTxCd")),
        references=tuple(_references(references, remittance)),
        texts=tuple(text for text in written if text),
    )


def _references(references: Element | None, remittance: Element | None) -> list[str]:
    named = [text_of(each) for each in (references.iter() if references is not None else ()) if _is_leaf(each)]
    structured = [text_of(each, "Ref") for each in (find(remittance, "CdtrRefInf") if remittance is not None else ())]
    return [found for text in (*named, *structured) if (found := reference_of(text))]


def _is_leaf(element: Element) -> bool:
    return len(element) == 0 and local_name(element) not in _NO_REFERENCES


def _texts(remittance: Element | None) -> list[str]:
    """Unstructured lines, one by one and joined, since an id may be broken over two lines; and the structured texts."""
    lines = [text_of(each) or "" for each in children(remittance, "Ustrd")]
    structured = children(remittance, "Strd")
    inside = [(each.text or "").strip() for strd in structured for each in strd.iter() if _is_leaf(each)]
    return [text for text in (*lines, "".join(lines) if len(lines) > 1 else "", *inside) if text]


def _amount(element: Element, entry: Money) -> Money | None:
    written = child(element, "Amt")
    if written is None:
        several = child(element, "AmtDtls")
        inner = child(several, "TxAmt") if several is not None else None
        written = child(inner if inner is not None else child(several, "InstdAmt"), "Amt")
    if written is None:
        return None
    line = line_of(written)
    currency = currency_of(written.get("Ccy"), line, "the transaction's currency")
    value = decimal_of((written.text or "").strip(), line, "the transaction's amount")
    direction = text_of(element, "CdtDbtInd")
    negative = direction == "DBIT" if direction else entry.minor < 0
    return money_of(-value if negative else value, currency, line, "the transaction's amount")


def _is_return(code: Element | None) -> bool:
    return text_of(code, "Domn", "Fmly", "SubFmlyCd") in _RETURN_FAMILIES
