"""What each rule demands in one phrase, at which records it is asked, and the provision that it goes back to.

An article whose text was not read for this is marked: a report names it as a pointer and not as a quotation.
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.vocabulary import Article, Duty
from domain.words import Words


def _measures(number: int, *, read: bool) -> Article:
    """Return an article of the measures on suitability (办法)."""
    return Article(Words(f"《证券期货投资者适当性管理办法》第{number}条", f"Suitability Measures, art. {number}"), read)


_PIPL_23 = Article(Words("《个人信息保护法》第23条", "Personal Information Protection Law, art. 23"), read=True)

DUTIES: Mapping[str, Duty] = {
    "identity-first": Duty(
        Words("办理前先核验身份", "the identity is verified first"),
        (
            "INFO_COLLECT",
            "DUTY_NOTICE",
            "Q_SUBMIT",
            "BIZ_APPLY",
        ),
    ),
    "identity.document-valid": Duty(Words("证件在有效期内", "the document is valid"), ("ID_VERIFY",)),
    "identity.succession": Duty(
        Words("已被承接的身份不再办理", "an identity that was succeeded does nothing more"), ()
    ),
    "information-first": Duty(
        Words("先了解客户并告知，再测评", "information and notice come before the assessment"),
        ("Q_SUBMIT",),
        (_measures(6, read=False),),
    ),
    "assessment.min-answer-ms": Duty(
        Words("作答时间不少于下限", "answering takes no less than the minimum"), ("Q_SUBMIT",)
    ),
    "assessment.declaration": Duty(Words("客户声明答案真实", "the client declares the answers true"), ("Q_SUBMIT",)),
    "questionnaire-version": Duty(
        Words("使用规则集认可的问卷", "the form is one that the rule set accepts"), ("Q_SUBMIT",)
    ),
    "assessment.max-in-window": Duty(
        Words("测评次数不超过上限", "assessments stay below the limit"),
        (
            "Q_SUBMIT",
            "ID_SUCCEED",
        ),
    ),
    "assessment.shopping": Duty(
        Words("等级不得短期内跃升", "a level does not leap within the window"),
        (
            "LEVEL_RESULT",
            "ID_SUCCEED",
        ),
    ),
    "level.from-answers": Duty(
        Words("等级由已提交的答案得出", "a level comes from submitted answers"), ("LEVEL_RESULT",)
    ),
    "level.re-execution": Duty(Words("等级重算一致", "the level is the same when computed again"), ("LEVEL_RESULT",)),
    "level.one-at-a-time": Duty(Words("同时只有一个有效等级", "one level is valid at a time"), ("LEVEL_RESULT",)),
    "level.confirmed": Duty(
        Words("客户确认的是有效等级", "the client confirms the level in force"),
        ("LEVEL_CONFIRM",),
        (_measures(21, read=True),),
    ),
    "level.confirmed-before-handling": Duty(
        Words("确认先于办理", "the confirmation comes before handling"), ("LEVEL_CONFIRM",)
    ),
    "level.assessed": Duty(
        Words("办理前已测评", "the client was assessed before"),
        (
            "LEVEL_CONFIRM",
            "MATCH_OPINION",
            "BIZ_DECIDE",
            "AGREEMENT_SIGN",
        ),
        (_measures(18, read=True),),
    ),
    "assessment.validity": Duty(
        Words("测评在有效期内", "the assessment is valid"),
        (
            "LEVEL_CONFIRM",
            "MATCH_OPINION",
            "BIZ_DECIDE",
            "AGREEMENT_SIGN",
        ),
    ),
    "ruleset.in-force": Duty(
        Words("使用当日有效的规则集", "the rule set in force is used"),
        (
            "LEVEL_RESULT",
            "MATCH_OPINION",
        ),
    ),
    "rating.subject": Duty(
        Words("评级登记在产品名下", "a rating lies with its product"),
        (
            "PRODUCT_RATE",
            "MATCH_OPINION",
            "BIZ_APPLY",
        ),
    ),
    "opinion.rating": Duty(
        Words("意见依据有效评级", "the opinion rests on the rating in force"),
        ("MATCH_OPINION",),
        (_measures(18, read=True),),
    ),
    "opinion.rating-signed": Duty(Words("评级经双人签名", "the rating bears its signatures"), ("MATCH_OPINION",)),
    "opinion.level": Duty(
        Words("意见依据有效等级", "the opinion rests on the level in force"),
        ("MATCH_OPINION",),
        (_measures(18, read=True),),
    ),
    "opinion.re-execution": Duty(
        Words("意见重算一致", "the opinion is the same when made again"),
        ("MATCH_OPINION",),
        (_measures(18, read=True),),
    ),
    "opinion.first": Duty(
        Words("先出具匹配意见", "an opinion comes first"),
        (
            "MISMATCH_WARN",
            "MISMATCH_INSIST",
            "RISK_DISCLOSE",
            "BIZ_DECIDE",
        ),
        (_measures(18, read=True),),
    ),
    "opinion.latest": Duty(
        Words("所引意见为最新", "the opinion named is the latest"),
        (
            "MISMATCH_WARN",
            "MISMATCH_INSIST",
        ),
    ),
    "admission": Duty(Words("符合准入者方可坚持", "only who is admitted insists"), ("MISMATCH_INSIST",)),
    "warning.client-initiated": Duty(
        Words("不主动推介不匹配产品", "what does not match is not promoted"),
        ("MISMATCH_WARN",),
        (_measures(22, read=True),),
    ),
    "warning.before-insistence": Duty(
        Words("警示先于坚持", "the warning comes before the insistence"),
        ("MISMATCH_INSIST",),
        (_measures(19, read=True),),
    ),
    "warning.before-handling": Duty(
        Words("不匹配产品经警示与坚持方可办理", "a mismatch is warned of and insisted on before handling"),
        ("BIZ_DECIDE",),
        (_measures(19, read=True),),
    ),
    "min-class.no-insistence": Duty(
        Words("最低类别客户不得坚持", "the minimum class does not insist"), ("MISMATCH_INSIST",)
    ),
    "min-class.r1-only": Duty(
        Words("最低类别客户只买最低风险产品", "the minimum class holds the lowest risk only"), ("BIZ_DECIDE",)
    ),
    "mismatch.max-gap": Duty(Words("级差不超过上限", "the gap stays below the limit"), ("MISMATCH_INSIST",)),
    "mismatch.max-age": Duty(Words("年龄不超过上限", "the age stays below the limit"), ("MISMATCH_INSIST",)),
    "disclosure.after-insistence": Duty(
        Words("坚持之后方可揭示办理", "disclosure follows the insistence"),
        ("RISK_DISCLOSE",),
        (_measures(19, read=True),),
    ),
    "disclosure.before-confirmation": Duty(
        Words("揭示先于确认", "disclosure comes before the confirmation"),
        ("RISK_CONFIRM",),
        (_measures(23, read=False),),
    ),
    "order.before-handling": Duty(
        Words("各步骤先于办理", "each step comes before handling"),
        (
            "MISMATCH_WARN",
            "MISMATCH_INSIST",
            "RISK_CONFIRM",
        ),
    ),
    "application.one-business": Duty(Words("一个编号一项业务", "one number, one business"), ("BIZ_APPLY",)),
    "handling.applied": Duty(Words("依客户申请办理", "what is handled was applied for"), ("BIZ_DECIDE",)),
    "handling.level-confirmed": Duty(
        Words("办理前客户已确认等级", "the level was confirmed before handling"), ("BIZ_DECIDE",)
    ),
    "handling.opinion": Duty(
        Words("办理依据有效意见", "handling rests on an opinion in force"), ("BIZ_DECIDE",), (_measures(18, read=True),)
    ),
    "handling.risk-confirmed": Duty(
        Words("办理前客户已确认风险", "the risks were confirmed before handling"),
        ("BIZ_DECIDE",),
        (_measures(23, read=False),),
    ),
    "order.handled-before-signed": Duty(
        Words("先办理后签署", "handling comes before signing"),
        (
            "BIZ_DECIDE",
            "AGREEMENT_SIGN",
        ),
    ),
    "agreement.applied": Duty(Words("协议与申请一致", "the agreement is on what was applied for"), ("AGREEMENT_SIGN",)),
    "agreement.once": Duty(Words("一项申请一份协议", "one application, one agreement"), ("AGREEMENT_SIGN",)),
    "agreement.max-sign-delay-ms": Duty(Words("在期限内签署", "signing is in time"), ("AGREEMENT_SIGN",)),
    "recording.max-delay-ms": Duty(Words("及时记录", "recorded in time"), (), (_measures(25, read=False),)),
    "recording.max-ahead-ms": Duty(
        Words("不得提前记录", "nothing is recorded ahead"), (), (_measures(25, read=False),)
    ),
    "consent.one-id": Duty(Words("一个编号一次同意", "one number, one consent"), ("CONSENT_GIVE",), (_PIPL_23,)),
    "consent.expiry": Duty(
        Words("同意在有效期内", "the consent is valid"),
        (
            "CONSENT_GIVE",
            "DATA_USE",
        ),
        (_PIPL_23,),
    ),
    "consent.given": Duty(Words("撤回的是已有的同意", "what is withdrawn was given"), ("CONSENT_WITHDRAW",)),
    "consent.before-use": Duty(Words("使用前已取得同意", "consent comes before the use"), ("DATA_USE",), (_PIPL_23,)),
    "consent.one-purpose": Duty(
        Words("按同意的用途使用", "used for the purpose of the consent"), ("DATA_USE",), (_PIPL_23,)
    ),
    "consent.receivers": Duty(
        Words("只向同意的接收方提供", "used with the receivers of the consent"), ("DATA_USE",), (_PIPL_23,)
    ),
    "second-person.signed": Duty(
        Words("双人复核签名", "the second person signed"),
        (
            "BIZ_DECIDE",
            "PRODUCT_RATE",
            "ACCESS_LOG",
        ),
    ),
    "erasure.signed": Duty(Words("删除经双人签名", "two persons sign an erasure"), ("ERASE",)),
}
"""By the name of a rule; one that names no record type is asked at every one."""
