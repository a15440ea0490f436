# То, что читает пользователь чата. Имена и переменные те же, что в en.ftl; за этим следит тест.

## The connection

connecting = подключение…
connecting-again = подключение, попытка { $attempt }…
connected = на связи
offline = нет связи, следующая попытка через { $seconds } с
offline-now = нет связи, подключаемся
closing = выходим…
closing-now = выходим… Ctrl+C ещё раз — выйти сразу
closed = закрыто
refused = отказано: { $reason }
not-let-in = сервер отвечает, но не пускает вас
connect-again = подключиться снова
retry-now = повторить сейчас
no-network = нет сети
refused-somehow = отказано
gave-up-somehow = попытки прекращены
other-sign-in = войти под другим именем
gave-up = попытки прекращены: { $reason }
waiting = { $count ->
    [one] { $count } сообщение ждёт отправки
    [few] { $count } сообщения ждут отправки
   *[other] { $count } сообщений ждут отправки
}

## A message

status-sending = отправляется
status-sent = отправлено
status-delivered = доставлено
status-read = прочитано
status-failed = сбой: { $reason }
failure-rejected = сервер отказал ({ $reason })
failure-dropped = очередь отправки переполнена
failure-cancelled = сообщение не отправлено
failure-unknown = неизвестно, дошло ли сообщение
retry = отправить снова
cancel = отозвать
delete = удалить
edit = изменить
copy = скопировать
copied = скопировано
failure-other = сообщение не удалось отправить
says = { $name }:
you-say = вы:

## The list of messages

joined = { $name } входит в комнату
left = { $name } выходит из комнаты
typing = { $count ->
    [1] { $first } печатает…
    [2] { $first } и { $second } печатают…
   *[other] { $first } и ещё { $others } { $others ->
        [few] человека
       *[other] человек
    } печатают…
}
unread-line = { $count ->
    [one] { $count } новое сообщение
    [few] { $count } новых сообщения
   *[other] { $count } новых сообщений
}
many-unread = более { $count } новых сообщений
newest = к последним сообщениям
news = { $count ->
    [one] { $count } новое
   *[other] { $count } новых
}
many-news = более { $count } новых
read-all = отметить всё прочитанным
earlier-loading = загружаем более ранние сообщения…
earlier-none = начало переписки
earlier-left-out = есть более ранние сообщения
gap = часть сообщений здесь пропущена
earlier-gone = более ранние сообщения уже удалены
gone = сообщения, которые были здесь, уже удалены
empty-room = здесь пока нет сообщений
not-loaded = сообщения ещё не загружены
today = Сегодня
yesterday = Вчера
day = { $weekday ->
    [1] понедельник
    [2] вторник
    [3] среда
    [4] четверг
    [5] пятница
    [6] суббота
   *[7] воскресенье
}, { $day } { $month ->
    [1] января
    [2] февраля
    [3] марта
    [4] апреля
    [5] мая
    [6] июня
    [7] июля
    [8] августа
    [9] сентября
    [10] октября
    [11] ноября
   *[12] декабря
} { $year }

## Rooms and people

rooms = Комнаты
new-room = Другая комната…
leave-room = выйти из комнаты { $room }
copy-link = скопировать ссылку на эту комнату
other-rooms = Другие комнаты
in-room = в комнате: { $count }
members-only = для участников
leave-waiting = { $count ->
    [one] { $count } сообщение ещё не отправлено
    [few] { $count } сообщения ещё не отправлены
   *[other] { $count } сообщений ещё не отправлено
}; чтобы всё-таки выйти, нажмите × ещё раз
here = { $count ->
    [0] кроме вас никого
    [one] здесь ещё { $count } человек
    [few] здесь ещё { $count } человека
   *[other] здесь ещё { $count } человек
}
who = Кто здесь
you = вы
away = нет на месте
nobody = кроме вас никого

## Writing

write-here = Напишите сообщение
send = Отправить
too-long = { $over ->
    [one] { $over } лишний символ
    [few] { $over } лишних символа
   *[other] { $over } лишних символов
}
full = слишком много сообщений ждёт отправки; попробуйте, когда часть уйдёт
not-now = сейчас это отправить нельзя
too-late = поздно: сообщение уже в пути
no-room = в браузере больше нет места: если закрыть страницу, неотправленное пропадёт
not-kept = браузер не сохраняет данные этой страницы: если её закрыть, неотправленное пропадёт
notify = Уведомления
notify-barred = уведомления для этой страницы запрещены в браузере
sound = Звук
says-in = { $name } в комнате { $room }
mentions-in = { $name } упоминает вас в комнате { $room }
nothing-failed = сообщений, которые не удалось отправить, нет
nothing-waiting = ничего не ждёт отправки
unknown-command = команды { $command } нет; /help покажет, какие есть
room-wanted = в какую комнату? /join ИМЯ
room-unknown = вы не в комнате { $room }
last-room = это ваша единственная комната; /quit закроет чат
no-rooms = в списке сервера нет ни одной комнаты

## Signing in

sign-in = Войти
sign-out = выйти
other-name = сменить имя
no-answer = сервер не отвечает
new-version = вышла новая версия страницы
take-version = обновить
enter = Войти в чат
sign-in-wanted = представьтесь, чтобы войти
left-elsewhere = вы вышли из чата в другой вкладке
other-elsewhere = в другой вкладке вошёл другой пользователь
link-asks = По этой ссылке вы войдёте как { $name }, а сейчас вы { $me }. Войти как { $name }?
name = Имя
password = Пароль

## Why something is refused

reason-banned = вы заблокированы
reason-members-only = эта комната только для участников
reason-sign-in = сеанс завершён, войдите снова
reason-wrong = неверное имя или пароль
reason-other-user = это учётная запись другого пользователя
reason-too-often = слишком много попыток, подождите немного
reason-busy = сервер занят, попробуйте ещё раз
reason-id-taken = этот идентификатор уже занят другим сообщением
reason-name-blank = имя не может быть пустым
reason-name-long = имя длиннее 64 символов
reason-name-odd = в имени есть недопустимые символы
reason-room-blank = название комнаты не может быть пустым
reason-room-long = название комнаты длиннее 64 символов
reason-room-odd = в названии комнаты есть недопустимые символы
reason-text-long = сообщение длиннее 16 КиБ
reason-text-blank = сообщение пустое
reason-malformed = сервер не понял сообщение
reason-bad-user = сервер не принимает такое имя
reason-token = сервер не принимает этот токен
reason-other = причина неизвестна

## What to do about it, on the terminal

todo-sign-in = войдите по паролю (--user ИМЯ --sign-in) или укажите токен (--bearer-file ФАЙЛ)
todo-sign-in-again = чтобы войти, закройте программу и запустите снова
todo-token = укажите действующий токен: --bearer-file или --token-command
todo-user = укажите в --user пользователя, которому выдан токен
todo-banned = снять блокировку может администратор сервера
todo-room = выберите другую комнату (--room) или попросите администратора сервера впустить вас
todo-ask = обратитесь к администратору сервера

## The terminal's help

help-title = Клавиши и команды
help-keys =
    Enter, Alt+Enter   отправить, новая строка
    Ctrl+U, Ctrl+Z     очистить строку, отменить
    Tab                дописать имя
    PgUp, PgDn         прокрутка; колесо мыши тоже
    Ctrl+End           к последнему сообщению
    Alt+↑, Alt+↓       выбрать своё: r повторит, x отзовёт
    Ctrl+N, Ctrl+P     следующая комната, предыдущая
    F1, F2, Ctrl+C     эта справка, кто здесь, выход
help-commands =
    /join ИМЯ, /part   войти в комнату, выйти из неё
    /rooms, /who       какие комнаты есть, кто здесь
    /read              отметить всё прочитанным
    /retry             отправить неотправленное снова
    /cancel            отозвать всё, что ждёт отправки
    /quit              выйти
    //…                строка с косой чертой в начале
help-close = Esc — закрыть
close = закрыть
missed = { $count ->
    [one] пропущено { $count } событие; догружаем
    [few] пропущено { $count } события; догружаем
   *[other] пропущено { $count } событий; догружаем
}
undelivered = { $count ->
    [one] неизвестно, дошло ли { $count } сообщение
    [few] неизвестно, дошли ли { $count } сообщения
   *[other] неизвестно, дошли ли { $count } сообщений
}
kept-for-later = { $count ->
    [one] { $count } сообщение сохранено и уйдёт при следующем запуске
    [few] { $count } сообщения сохранены и уйдут при следующем запуске
   *[other] { $count } сообщений сохранено и уйдёт при следующем запуске
}
unsent-kept = { $count ->
    [one] { $count } сообщение не отправлено; оно сохранено в { $folder }
    [few] { $count } сообщения не отправлены; они сохранены в { $folder }
   *[other] { $count } сообщений не отправлено; они сохранены в { $folder }
}; следующий запуск с тем же --outbox отправит всё, что там есть
unsent-lost = { $count ->
    [one] неизвестно, отправлено ли { $count } сообщение; оно нигде не сохранено
    [few] неизвестно, отправлены ли { $count } сообщения; они нигде не сохранены
   *[other] неизвестно, отправлены ли { $count } сообщений; они нигде не сохранены
}; неотправленное сохраняет --user ИМЯ --outbox ПАПКА
farewell = вы вышли
