"""English is told from other languages, and what cannot be told is unknown."""

import pytest

from app.facts import scan

TEXTS = [
    ("en", "Sort the support tickets of our shop into twelve queues, 4,000 a day."),
    ("en", "classify tickets, 3k/day, p95 300 ms"),
    ("en", "Translate die Betriebsanleitung und Sicherheitshinweise of our machines into English for the fitters."),
    ("de", "Wir möchten die Arztbriefe kodieren, täglich kommen etwa 3.000 Briefe, und die Station wartet nicht."),
    (
        "fr",
        "Nous voulons classer les courriels de nos clients par thème, environ 400 par jour, et la réponse est en JSON.",
    ),
    ("es", "Queremos clasificar los correos de nuestros clientes en doce colas, unos 400 cada día, sin prisa."),
    (
        "it",
        "Vogliamo classificare le lettere dei nostri clienti, circa 300 al giorno, e la risposta è in formato JSON.",
    ),
    ("nl", "Wij willen de brieven van onze klanten indelen in twaalf groepen, ongeveer 300 per dag, met een antwoord."),
    (
        "pt",
        "Queremos classificar as mensagens dos nossos clientes em doze filas, cerca de 300 por dia, e não há pressa.",
    ),
    ("pl", "Chcemy klasyfikować listy naszych klientów, około 300 dziennie, i odpowiedź musi być w formacie JSON."),
    ("ru", "Мы хотим классифицировать письма клиентов, около 300 в день."),
    ("ja", "お客様からのメールを毎日300件分類したいです。"),
    ("zh", "我们希望每天对三百封客户邮件进行分类。"),
    ("ar", "نريد تصنيف رسائل العملاء كل يوم"),
    ("hi", "हम हर दिन ग्राहकों के संदेश वर्गीकृत करना चाहते हैं"),
    (
        "en",
        "OCR'd receipts -> {date,total,currency,vendor}. Expense app, user holds phone: 1.8 s. 9k/day. schema strict.",
    ),
    ("en", "Film subtitles into Portuguese"),
    ("unknown", "xqz vrrp 12 lmno prst qwrt zzz kkk"),
    ("unknown", "12345 67890 !!! ... 300"),
]


@pytest.mark.parametrize(("code", "text"), TEXTS)
def test_the_language_is_recognised(code: str, text: str) -> None:
    assert scan(text).language == code


def test_named_languages_are_read_once_each_in_order() -> None:
    seen = scan("Mails in German and French are answered in German; a polish of the style is welcome.")
    assert seen.languages is not None
    assert seen.languages[0] == ("de", "fr")
