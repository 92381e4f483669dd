"""The word for "password" in the languages that sudo, su and PAM speak.

ssh itself speaks English, but what it shows may be a question of the other machine's PAM.
"""

import re

from mitogen.bootstrap.prompts import Prompt
from mitogen.errors import PasswordError

WORDS = (
    "password", "passcode", "adgangskode", "contraseña", "contrasenya", "fjalëkalim", "geslo",
    "hasło", "hasła", "heslo", "jelsz", "lozink", "lösenord", "mot de passe", "mots de passe",
    "mật khẩu", "parol", "pasahitz", "pasfhocal", "passord", "passwort", "pasvort", "pasvorta",
    "salasana", "sandi", "senha", "shifra", "slaptažodi", "wachtwoord", "şifre", "parola",
    "κωδικ", "συνθηματικ", "лозинк", "парол", "գաղտնաբառ", "סיסמה", "گذرواژه", "كلمة المرور",
    "पासवर्ड", "রাশশব্দ", "รหัสผ่าน", "პაროლ", "パスワード", "密码", "密碼", "口令", "암호", "비밀번호",
    "contrasigno", "focal faire", "iphasiwedi", "palavra-passe", "parool", "şifrə", "ססמה",
    "كلمة السر", "गुप्तशब्द", "शब्दकूट", "গুপ্তশব্দ", "পাসওয়ার্ড", "ਪਾਸਵਰਡ", "પાસવર્ડ", "ପ୍ରବେଶ ସଙ୍କେତ",
    "கடவுச்சொல்", "సంకేతపదము", "ಗುಪ್ತಪದ", "അടയാളവാക്ക്", "රහස්පදය", "ពាក្យសម្ងាត់",
)  # fmt: skip


#: That of East Asia, and that of Khmer.
_OTHER_COLONS = b"|".join([colon.encode() for colon in "\uff1a\u17d6"])


def _alternatives() -> "bytes":
    forms = set()
    for word in WORDS:
        # A bytes pattern ignores the case of ASCII letters only.
        forms.update([word, word.capitalize(), word.upper()])
    return b"|".join([re.escape(form.encode()) for form in sorted(forms)])


#: A line with the word in it.
HAS_PASSWORD = re.compile(b"(?i)(?:" + _alternatives() + b")")

#: The end of a question for it. The colon may be a wide one, and French has a space before it.
ENDS_IN_PASSWORD = re.compile(
    b"(?i)(?:" + _alternatives() + rb")[^\r\n]{0,120}(?::|" + _OTHER_COLONS + rb")[ \t]*\Z"
)


def password_prompt(program: "str", is_also_on_link: "bool" = False) -> "Prompt":
    """The question of *program* for the password that is the option of that name."""
    return Prompt(
        "password",
        ENDS_IN_PASSWORD,
        answer_option="password",
        missing_error=PasswordError,
        missing="%s asks for a password, and none was given" % (program,),
        repeated="%s did not accept the password" % (program,),
        is_also_on_link=is_also_on_link,
    )
