"""What the name of a source column says: words in English and Chinese, and units beside them.

The vocabulary follows usage in servicers' exports, Form ABS-EE (17 CFR 229.1125, Schedule AL),
the templates of ESMA (Regulation (EU) 2020/1224) and EBA for loans, and Chinese microloan
systems. A name is a hint only: :mod:`scfcap.tape.map` weighs it against the values.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

#: How far a phrase counts when the name says more than the phrase.
_PART = 0.55


@dataclass(frozen=True)
class Role:
    """Phrases that name one thing, each with its strength 0..1, and words that rule it out."""

    phrases: Mapping[str, float]
    never: frozenset[str] = frozenset()
    chinese: Mapping[str, float] | None = None


def _role(phrases: str, never: str = "", chinese: str = "") -> Role:
    """A role from texts such as ``"loan id, loan number, account id .9"``."""
    return Role(_strengths(phrases), _set(never), _strengths(chinese))


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _strengths(text: str) -> dict[str, float]:
    found = {}
    for part in filter(None, map(str.strip, text.split(","))):
        phrase, _, strength = part.rpartition(" ")
        if re.fullmatch(r"0?\.\d+", strength):
            found[phrase] = float(strength)
        else:
            found[part] = 1.0
    return found


#: Our columns, and ``_`` roles that only help to tell others apart.
ROLES: Final[Mapping[str, Role]] = {
    "loan_id": _role(
        "loan id, loan number, loan reference, loan key, loan code .8, asset number, asset id,"
        "account id .9, account number .9, contract id, contract number, agreement number,"
        "agreement id, facility id .8, facility number .8, receivable id, receivable number,"
        "invoice number, invoice id, order id .7, order number .7, unique identifier .8,"
        "underlying exposure identifier, exposure id, instrument identifier, deal id .6,"
        "system loan id, note number .8, note id .8, reference number .6, reference .5, id .5,"
        "loan .5, contract .5, identifier .6, advance id, advance number",
        "application borrower customer client obligor debtor buyer transaction batch type "
        "originator originated payback third provider product investor subscription amount date "
        "status term rate principal balance group channel currency country bank franchise "
        "account_type purpose accounts open",
        "借据号, 借据编号, 贷款编号, 贷款号, 借款编号, 合同编号 .95, 合同号 .95, 借款合同号 .95,"
        "订单号 .8, 订单编号 .8, 放款流水号, 融资编号, 发票号 .9, 发票号码 .9, 编号 .5",
    ),
    "borrower_id": _role(
        "borrower id, borrower, borrower number, borrower name .8, customer id, customer number,"
        "customer .9, client id, client number, client .8, obligor id, obligor identifier,"
        "obligor, debtor id .9, debtor .8, counterparty identifier, counterparty id, member id,"
        "user id, merchant id .9, shop id .9, seller id .9, supplier id .9, name .5,"
        "company name .7, firm name .7, party id .8",
        "type score credit income state location region country geographic status annual "
        "verification joint indicator payment rate amount date employment employement "
        "originator servicer manufacturer model bank loan rownames third city",
        "借款人, 借款人编号, 借款人号, 借款人名称 .9, 借款人姓名 .9, 客户编号, 客户号, 客户名称 .9,"
        "客户 .9, 商户号 .9, 商户编号 .9, 店铺编号 .9, 会员编号 .9, 供应商编号 .9, 供应商 .8",
    ),
    "buyer_id": _role(
        "buyer id, buyer, buyer name .9, buyer number, core enterprise, core enterprise id,"
        "core company, core firm, payer id, payer .9, anchor id, anchor .9, account debtor,"
        "account debtor id, purchaser id .9",
        "type score amount date status loan",
        "核心企业, 核心企业编号, 核心企业名称 .9, 买方, 买方编号, 买方名称 .9, 付款方, 付款人 .9,"
        "采购方, 应收账款债务人",
    ),
    "segment": _role(
        "segment, product, product type .9, product category, product class, product code .8,"
        "product name .8, product id .6, risk class, risk grade, risk category, risk cat,"
        "risk band, grade, class .8, rating .8, credit grade, category .7, credit score cat .85,"
        "score band .8, tier .7, bucket .6, band .6, risk rating .9, loan category .8, cat .5,"
        "loan class .9, asset class .5, risk cat rate .9, pool class .6",
        "date amount balance sub vehicle asset_type term year make manufacturer franchise bank "
        "calculation",
        "产品, 产品类型, 产品名称 .9, 产品编码 .8, 业务品种, 贷款品种, 风险等级, 风险分类 .8,"
        "分类 .6, 客群 .8, 评级 .8, 信用等级 .9, 分组 .7",
    ),
    "loan_type": _role(
        "loan type, repayment type, repayment method, amortisation type, amortization type,"
        "amortisation, amortization, payment type .8, repayment mode .9, repayment plan .8,"
        "payment method .5",
        "date amount account purpose",
        "还款方式, 贷款类型 .8, 还款类型, 借款类型 .7",
    ),
    "origination_date": _role(
        "origination date, date of origination, disbursement date, disbursed date, issue date,"
        "issued date, issued date loan, issue month .9, origination month, start date .9,"
        "funding date, funded date, loan date .9, loan start date, paid out date, payout date,"
        "drawdown date, advance date, invoice date .9, opening date .8, open date .8,"
        "booking date .7, contract date .8, approved date .8, approval date .75,"
        "creation date .6, created date .6, effective date .7, release date .8, begin date .8,"
        "value date .7, note date .6, signing date .6, vintage date .5, date .4, originated on,"
        "disbursed on, issued on, originated .8, orig date",
        "first due payment end report reporting repaid closed maturity application expected "
        "charge settled interest next last paperless birth credit line zero modification "
        "transaction repayment update updated calculation through",
        "放款日, 放款日期, 放款时间, 发放日, 发放日期, 贷款发放日, 借款日 .9, 借款日期 .9, 起息日,"
        "起始日 .9, 起始日期 .9, 贷款日期 .9, 贷款起始日, 借款开始日期, 合同起始日 .9, 支用日期 .9,"
        "开票日期 .8",
    ),
    "maturity_date": _role(
        "maturity date, date of maturity, maturity, loan maturity date, maturity month .9,"
        "due date .95, loan due date, final due date, final maturity date, expiry date .9,"
        "expiration date .9, expires on .9, matures on, scheduled maturity date, end date .7,"
        "loan end date .9, termination date .8, final payment date .85, due on .9, due .4,"
        "contract end date .9, term end date .9",
        "first next begin beginning start paid settled closed previous report reporting interest "
        "paperless remaining number amount last total days past payment_due legal original_first",
        "到期日, 到期日期, 到期时间, 贷款到期日, 借款到期日, 截止日 .7, 应还日期 .8, 合同到期日 .9,"
        "终止日期 .8, 结束日期 .8, 应还款日 .8",
    ),
    "original_balance": _role(
        "original balance, original loan amount, loan amount, original principal balance,"
        "original principal, original amount, loan principal, principal amount .95,"
        "principal .8, amount financed, financed amount, disbursement amount, disbursed amount,"
        "disbursement gross .95, gross disbursement .95, disbursement .8, advance amount .95,"
        "funded amount, issued amount, invoice amount .9, invoice value .9, amount .5, value .4,"
        "face value .8, face amount .8, contract amount .9, drawn amount .7, initial principal,"
        "initial balance .9, initial amount .9, amount borrowed, borrowed amount, amount lent,"
        "lent amount, credit amount .8, approved amount .6, approved .4, loan size .8,"
        "principal advanced, gross approved .6, orig upb, financing amount .9",
        "paid repaid due interest fee fees charge charged charge_off recovered recovery next "
        "scheduled minimum vehicle income current remaining outstanding end ending beginning "
        "repurchase collected rate term date instalment late tax joint utilized limit "
        "debit count number advanced_servicer payment other adjustment adjusted assessed monthly "
        "total_due balloon collateral property overdue arrears prepaid servicer",
        "借款金额, 贷款金额, 放款金额, 发放金额, 贷款本金 .9, 借款本金 .9, 本金 .8, 原始本金,"
        "合同金额 .85, 支用金额, 发票金额 .9, 融资金额 .9, 金额 .5, 初始本金, 贷款发放金额",
    ),
    "current_balance": _role(
        "current balance, outstanding balance, outstanding principal, balance .9,"
        "remaining balance, remaining principal, principal outstanding, current principal,"
        "current principal balance, end balance, end loan balance, actual end balance,"
        "closing balance, unpaid principal balance, unpaid principal, upb .9, loan balance .95,"
        "outstanding amount, amount outstanding, balance gross .9, gross balance .9,"
        "principal balance .85, ending balance, outstanding, remaining amount .8,"
        "balance outstanding, current amount .7, outstanding loan amount, owed .6,"
        "legal balance .6, gross carrying amount .6, actual end balance amount,"
        "outstanding principal balance, book balance .8",
        "original beginning opening initial begin next savings average zero code effective note "
        "date interest arrears overdue limit count number cards cc accounts term fee",
        "剩余本金, 贷款余额, 未还本金, 余额 .85, 本金余额, 借款余额, 未偿还本金, 当前余额,"
        "剩余金额 .8, 未结清本金, 待还本金, 在贷余额, 在途余额 .6",
    ),
    "rate": _role(
        "rate, interest rate, annual rate, annual interest rate, apr .9, coupon .8,"
        "contract rate, original interest rate, current interest rate, nominal rate,"
        "nominal interest rate, note rate, daily rate, monthly rate, annual percentage rate,"
        "daily interest rate, monthly interest rate, yearly rate, loan rate, loan interest rate,"
        "contract interest rate, customer rate .8, interest .4, discount rate .7, fixed rate .8",
        "type default tax exchange margin index next reset paid amount collected calculation "
        "code date income recovery servicing fee through late advance assumed growth cap floor "
        "unpaid accrued due scheduled advance_rate reference original_type number",
        "利率, 年利率, 年化利率, 执行利率, 贷款利率, 合同利率, 借款利率, 日利率, 月利率,"
        "日息 .8, 费率 .6",
    ),
    "days_past_due": _role(
        "days past due, days late, days overdue, overdue days, past due days, days in arrears,"
        "days arrears, arrears days, number days arrears, days delinquent, delinquency days,"
        "current delinquency .95, current delinquency status .95, delinquency status .8,"
        "number days past due, late days, days delinquency, days of delay .8, delay days .8",
        "balance amount maximum ever account accounts settle times date bucket worst history",
        "逾期天数, 当前逾期天数, 拖欠天数, 逾期日数",
    ),
    "status": _role(
        "status, loan status, account status, performance status, repayment status .9,"
        "loan state .8, contract status, mis status, asset status .8, status code .8,"
        "credit status .7, default status .8",
        "marital employment delinquency income verification transaction application home "
        "listing verified days confirmed vehicle",
        "状态, 贷款状态, 借据状态, 还款状态 .9, 五级分类, 账户状态, 合同状态 .9, 借款状态",
    ),
    "channel": _role(
        "channel, holder, funding channel, funding source .9, holder channel",
        "id sales code acquisition",
        "资金渠道, 资金来源 .8, 持有渠道, 出资方 .6",
    ),
    "region": _role(
        "region, state .9, province, geographic location, geographic region, location .8,"
        "country .7, country code .6, city .7, district .7, county .7, zip .4, postcode .4,"
        "area .6, prefecture .8, borrower state, borrower region, obligor geographic location,"
        "nuts .7",
        "bank lender employer n vehicle loan account verification",
        "地区, 省份, 省, 区域, 所在地, 城市 .8, 所在省份, 所属地区",
    ),
    "score": _role(
        "score, credit score, obligor credit score, fico, fico score, internal score .95,"
        "scorecard .7, risk score, bureau score .9, model score",
        "type cat band date grade class",
        "评分, 信用评分, 信用分, 芝麻分 .9, 得分 .8, 评分卡 .7, 模型分 .9",
    ),
    "paid_principal": _role(
        "paid principal, principal paid, repaid principal, principal repaid,"
        "cumulative principal .9, cumulative principal paid, total principal paid,"
        "principal paid to date, total principal repaid, total principal received .9,"
        "cumulative principal repaid",
        "actual collected scheduled next due date interest unpaid last number",
        "已还本金, 累计还本, 累计已还本金, 已偿还本金, 已归还本金",
    ),
    "instalment": _role(
        "instalment, monthly instalment, monthly payment, scheduled payment, emi .9,"
        "scheduled payment amount, periodic payment, instalment amount, payment amount .6,"
        "contract payment .8, monthly payment amount, regular payment .8, repayment amount .5",
        "next last first total date count number accounts type actual paid due principal "
        "interest final frequency",
        "月供, 每期还款额, 每期应还 .9, 期供, 每月还款额, 分期金额 .8",
    ),
    "_term": _role(
        "term, loan term, term days, term months, tenor, duration .9, original term,"
        "contract term, original loan term, days term, maturity months .6, term to maturity .6,"
        "tenure, loan tenor, loan duration, contractual term",
        "remaining cat char interest code date rate amount year first balloon employment "
        "short long type",
        "期限, 借款期限, 贷款期限, 期数 .8, 合同期限, 贷款期数",
    ),
    "_total_due": _role(
        "total due, amount due .8, total repayable, total repayment .9, amount payable .8,"
        "total payable, total owed .8, total amount due, repayable amount .8",
        "next past date period paid",
        "应还总额, 应还本息 .9, 还款总额 .8",
    ),
    "_report_date": _role(
        "reporting date, report date, as of date, snapshot date, cut off date, data cut off date,"
        "reporting period end date, reporting period ending date, period end date .8,"
        "statement date .8, month end .8, observation date .9",
        "beginning begin start",
        "报告日期, 统计日期, 数据日期, 截至日期 .8, 观察日 .9",
    ),
    "_closed_date": _role(
        "closed date, settled date, settlement date .8, paid off date, payoff date, paid date,"
        "paid on date, repaid date, repayment date .8, charge off date, zero balance date,"
        "last payment date .6, closing date .7, date paid",
        "through interest",
        "结清日, 结清日期, 还款日期 .8, 实际还款日 .9, 核销日期 .8",
    ),
}

#: Words that change nothing, beside a role's own.
_NOISE = _set(
    "the of at in on a an reporting period new underlying exposure check digit this as to "
    "primary mis clean own system"
)
_UNITS = _set(
    "percent basis points fraction decimal usd eur cny rmb gbp ngn ugx inr jpy hkd pa yuan "
    "thousand thousands million millions annual annually yearly per annum"
)
_SHORT: Final[Mapping[str, str]] = {
    "amt": "amount", "bal": "balance", "orig": "original", "cur": "current", "curr": "current",
    "int": "interest", "pct": "percent", "perc": "percent", "percentage": "percent",
    "dt": "date", "no": "number", "nr": "number", "num": "number", "nbr": "number",
    "acct": "account", "mat": "maturity", "prin": "principal", "prncp": "principal",
    "cust": "customer", "pmt": "payment", "pymnt": "payment", "disb": "disbursement",
    "inst": "instalment", "installment": "instalment", "instal": "instalment",
    "bps": "basis points", "bp": "basis points", "dpd": "days past due",
    "begining": "beginning", "ending": "end", "ended": "end", "outst": "outstanding",
    "outstd": "outstanding", "os": "outstanding", "rem": "remaining", "ref": "reference",
    "appv": "approved", "appr": "approved", "chg": "charge", "chgoff": "charge off",
    "chargedoff": "charged off", "chk": "check", "dgt": "digit", "mths": "months",
    "mth": "month", "delinq": "delinquency", "recv": "received", "rec": "received",
    "max": "maximum", "min": "minimum", "id": "id", "ident": "identifier", "ir": "rate",
    "rt": "rate", "k": "thousand", "fin": "final", "sched": "scheduled", "schd": "scheduled",
    "originated": "originated", "modication": "modification", "day": "days", "mos": "months",
}  # fmt: skip
_CHINESE = re.compile(r"[一-鿿]")
_BRACKETED = re.compile(r"[(（\[【].*?[)）\]】]")


@cache
def _lexicon() -> frozenset[str]:
    words = {w for role in ROLES.values() for phrase in role.phrases for w in phrase.split()}
    words |= {w for role in ROLES.values() for w in role.never}
    return frozenset(words | _UNITS | _SHORT.keys() | {"good", "bad", "flag", "referred", "by"})


@cache
def words(name: str) -> tuple[str, ...]:
    """The lower-case words of a name, run-together words parted, short forms written out."""
    text = unicodedata.normalize("NFKC", name).replace("%", " percent ")
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    found: list[str] = []
    for word in re.findall(r"[a-z]+|[0-9]+", text.lower()):
        for part in _parted(word):
            found += _SHORT.get(part, part).split()
    return tuple(found)


def _parted(word: str) -> list[str]:
    """A word in words of the vocabulary, longest first; the word itself where it does not part."""
    known = _lexicon()
    if word in known or word.isdigit():
        return [word]
    best: list[list[str] | None] = [[]] + [None] * len(word)
    for end in range(1, len(word) + 1):
        for start in range(max(0, end - 16), end - 1):
            head, held = best[start], best[end]
            if head is None or word[start:end] not in known:
                continue
            if held is None or len(head) + 1 < len(held):
                best[end] = [*head, word[start:end]]
    return best[len(word)] or [word]


@cache
def said_by_name(name: str, role: str) -> float:
    """How strongly ``name`` says ``role``, 0..1."""
    if _CHINESE.search(name):
        return _chinese(name, ROLES[role].chinese or {})
    told = set(words(name))
    if told & ROLES[role].never:
        return 0.0
    # Names of the form borrower_id: noise is dropped only where something else remains.
    core = {w for w in told if w not in _UNITS and w not in _NOISE and not w.isdigit()} or told
    best = 0.0
    for phrase, strength in ROLES[role].phrases.items():
        part = set(phrase.split())
        bare = {w for w in part if w not in _UNITS} or part
        if bare == core or part == told:
            best = max(best, strength)
        elif bare < core:
            best = max(best, strength * (_PART + (0.95 - _PART) * len(bare) / len(core)))
    return round(best, 3)


def _chinese(name: str, phrases: Mapping[str, float]) -> float:
    bare = re.sub(r"[\s:：_\-]", "", _BRACKETED.sub("", unicodedata.normalize("NFKC", name)))
    if bare in phrases:
        return phrases[bare]
    inside = [(len(p), s) for p, s in phrases.items() if p in bare and len(p) > 1]
    return max((s * (0.5 + 0.4 * size / len(bare)) for size, s in inside), default=0.0)


@dataclass(frozen=True)
class Units:
    """Units that a name states: of a rate, of an amount, of a term."""

    percent: bool = False
    basis_points: bool = False
    per: str = ""
    """"day", "month", "year" or nothing."""
    scale: float = 1.0


def units_of(name: str) -> Units:
    """The units that ``name`` states."""
    told = set(words(name))
    text = unicodedata.normalize("NFKC", name)
    per = ""
    if told & {"daily", "days"} or re.search(r"日利率|日息|天|/日", text):
        per = "day"
    elif told & {"monthly", "months", "month"} or re.search(r"月|期数", text):
        per = "month"
    elif told & {"annual", "yearly", "annually", "apr", "years"} or re.search(r"年", text):
        per = "year"
    scale = 1.0
    for sign, factor in (("百万", 1e6), ("万", 1e4), ("千", 1e3)):
        if sign in text:
            scale = factor
            break
    if told & {"thousand", "thousands"} or re.search(r"'000|\b000s?\b", text):
        scale = 1e3
    elif told & {"million", "millions"}:
        scale = 1e6
    return Units("percent" in told, {"basis", "points"} <= told, per, scale)
