"""Another user of the machine, through su (of util-linux, shadow, BusyBox or a BSD).

With a password su gets a terminal. Which of its descriptors su asks on and reads from differs: the
terminal itself, or stdin, stderr and stdout. Hence its stdin is the terminal, too, and what it runs
begins by taking its stdin from the link, which is its stdout. Without a password there is no
terminal, and a question is an error.
"""

import re

from mitogen.bootstrap.prompts import PromptTable, Refusal
from mitogen.errors import EofError, PasswordError
from mitogen.methods import user_prompts
from mitogen.methods.declaration import Method, Option, words_of
from mitogen.methods.prompt_words import password_prompt

OPTIONS = (
    Option("username", "root", "User to become.", is_operand=True),
    Option("su_path", "su", "The program."),
    Option("password", None, "Password of that user.", is_secret=True),
    Option("su_args", None, "More arguments, a list, such as -l; they stand before the user."),
    *user_prompts.OPTIONS,
)

#: What PAM calls a wrong password, in its languages; BusyBox and the BSDs have their own.
FAILURES = (
    "authentication failure", "authentication failed", "incorrect password",
    "aŭtentiga malsukceso", "autenticazione non riuscita", "autentificare eșuată",
    "autentimine nurjus", "autentiseringsfel", "autentiseringsfeil", "authenticatiefout",
    "doğrulama uğursuzluğu",
    "error d'autenticació", "fallimento de authentication", "fallo de autenticación",
    "falha de autenticação", "fehler bei authentifizierung", "fejl ved godkendelse",
    "hitelesítési hiba", "neuspešna autentifikacija", "otentikasi gagal", "selhání autentizace",
    "teip fíordheimhnithe", "tunnistautumisvirhe", "ukwehluleka kokugunyaza",
    "uwierzytelnienie się nie powiodło", "xác thực thất bại", "yetkilendirme hatas\u0131",
    "zlyhanie overenia", "échec de l\u2019authentification", "échec de l'authentification",
    "грешка при удостоверяване", "неуспешна аутентификација", "помилка розпізнавання",
    "сбой при проверке подлинности", "шындылықты тексеру қатесі", "כשל באימות", "فشل التصديق",
    "अधिप्रमाणन अपयश", "सत्यापन विफलता", "অনুমোদন ব্যর্থ", "প্ৰমাণীকৰণত বিফল", "ਪਰਮਾਣਕਿਤਾ ਫੇਲ",
    "સત્તાધિકરણ નિષ્ફળતા", "ବୈଧିକରଣ ବିଫଳ", "உரிமம் செயலிழக்கப்பட்டது", "దృవీకరణ వైఫల్యము",
    "ದೃಢೀಕರಣವು ವಿಫಲಗೊಂಡಿದೆ", "ആധികാരികത ഉറപ്പാക്കുന്നതില്", "තහවුරු කරගැනීම අසමත් විය",
    "ავთენტიფიკაციის შეცდომა", "បរាជ័យ", "認証失敗", "鉴定故障", "驗證失敗", "인증 실패",
)  # fmt: skip


def _failures() -> "bytes":
    forms = set()
    for text in FAILURES:
        # A bytes pattern ignores the case of ASCII letters only.
        forms.update([text, text[:1].upper() + text[1:]])
    return b"|".join([re.escape(form.encode()) for form in sorted(forms)])


PROMPTS = PromptTable(
    prompts=(password_prompt("su", is_also_on_link=True),),
    refusals=(
        Refusal(re.compile(b"(?i)(?:" + _failures() + b")"), PasswordError),
        Refusal(re.compile(rb"(?i)^(su: )?sorry\s*\Z"), PasswordError),
        Refusal(
            re.compile(rb"(?i)^su: .*must be run from a terminal"),
            PasswordError,
            "it would ask for a password, and none was given",
        ),
        Refusal(re.compile(rb"^su: "), EofError),
    ),
)

#: The link has both directions at each end; `$` and quotes are those of the user's shell's sh.
FROM_LINK = "sh -c 'exec 0<&1;exec \"$@\"' sh "


def _argv(options: "object", _remote_argv: "list", remote_command: "str") -> "list":
    argv = [options.su_path, *words_of(options, "su_args"), options.username]
    # Behind the user: before it, -c is a login class on a BSD.
    return [*argv, "-c", FROM_LINK + remote_command]


def _check(options: "object") -> "None":
    words_of(options, "su_args")
    user_prompts.check(options)


METHOD = Method(
    name="su",
    doc="Another user of the machine, through su.",
    options=OPTIONS,
    argv=_argv,
    default_name=lambda options: "su.%s" % (options.username,),
    needs_tty=lambda options: options.password is not None,
    prompts=PROMPTS,
    adapt_prompts=user_prompts.adapt,
    check=_check,
    asks_on_stdin=True,
)
