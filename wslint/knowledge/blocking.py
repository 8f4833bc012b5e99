"""Calls that hold their thread until something outside the process answers, and what async code uses instead.

Sources: the reference of each package (names and what is synchronous), Python's "Developing with asyncio: running
blocking code"; that one blocked loop or worker thread stalls every connection is proven with WS505 and
WS512.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wait:
    """What a call waits for; `what` is empty when just time must pass.

    `slow`: for as long as another machine, process or person takes, which is seconds on a bad day and often on a good
    one. Otherwise the wait is usually milliseconds: a store in the same data centre. `instead` is for coroutines.
    """

    what: str
    slow: bool
    instead: str


@dataclass(frozen=True)
class Client:
    """An object whose methods wait. `methods` None: every direct method except `quick`.

    `not_through`: attributes that lead to a part that does not wait (`client.aio.models` gives coroutines).
    """

    wait: Wait
    methods: frozenset[str] | None
    quick: frozenset[str] = frozenset()
    not_through: frozenset[str] = frozenset()


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


SLEEP = Wait("", True, "`await asyncio.sleep(…)`")
SHORT_SLEEP = Wait("", False, "`await asyncio.sleep(…)`")
HTTP = Wait("an HTTP answer", True, "`httpx.AsyncClient` or aiohttp")
PROCESS = Wait("a process to end", True, "`asyncio.create_subprocess_exec()`")
MAIL = Wait("the mail server", True, "a task, or `await asyncio.to_thread(…)`")
LLM = Wait("the model's answer", True, "the async client of the same package")
OLD_LLM = Wait("the model's answer", True, "`acreate()` of the same class")
OLD_AUDIO = Wait("the model's answer", True, "`atranscribe()` of the same class")
RUNNABLE = Wait("the model's answer", True, "`ainvoke()`, `astream()` or `abatch()`")
AWS = Wait("an AWS answer", True, "aioboto3, or `await asyncio.to_thread(…)`")
RESULT = Wait("a worker to finish the task", True, "a message that the task sends to the consumer's channel or group")
REMOTE = Wait("another machine", True, "an async client, or `await asyncio.to_thread(…)`")
QUEUE = Wait("another thread", True, "asyncio's queue, event or `wrap_future()`")
WEBSOCKET = Wait("the other end of a websocket", True, "an asynchronous client, `websockets.connect()`")
SOCKET = Wait("the other end of a socket", True, "`asyncio.open_connection()`")
PERSON = Wait("somebody to type", True, "nothing: a server has no terminal")
REDIS = Wait("Redis", False, "`redis.asyncio`")
REDIS_ITEM = Wait("an item to come in", True, "`redis.asyncio`")
DATABASE = Wait("the database server", False, "`database_sync_to_async`, or an async driver")

_HTTP_VERBS = "get post put patch delete head options request"
_POPPING = "blpop brpop brpoplpush blmove blmpop bzpopmin bzpopmax bzmpop listen"

CALLS: dict[str, Wait] = {
    "time.sleep": SLEEP,
    "builtins.input": PERSON,
    **{f"requests.{verb}": HTTP for verb in _HTTP_VERBS.split()},
    **{f"requests.api.{verb}": HTTP for verb in _HTTP_VERBS.split()},
    **{f"httpx.{verb}": HTTP for verb in (*_HTTP_VERBS.split(), "stream")},
    "urllib.request.urlopen": HTTP,
    "urllib.request.urlretrieve": HTTP,
    "urllib2.urlopen": HTTP,
    "six.moves.urllib.request.urlopen": HTTP,
    **{f"subprocess.{name}": PROCESS for name in "run call check_call check_output getoutput getstatusoutput".split()},
    "os.system": PROCESS,
    "os.wait": PROCESS,
    "os.waitpid": PROCESS,
    "smtplib.SMTP": MAIL,
    "smtplib.SMTP_SSL": MAIL,
    **{f"django.core.mail.{name}": MAIL for name in "send_mail send_mass_mail mail_admins mail_managers".split()},
    "socket.create_connection": SOCKET,
    "websocket.create_connection": WEBSOCKET,
    "concurrent.futures.wait": QUEUE,
    "concurrent.futures.as_completed": QUEUE,
    "pika.BlockingConnection": REMOTE,
    "psycopg2.connect": DATABASE,
    "psycopg.connect": DATABASE,
    "psycopg.Connection.connect": DATABASE,
    "MySQLdb.connect": DATABASE,
    "pymysql.connect": DATABASE,
    "ollama.chat": LLM,
    "ollama.generate": LLM,
    "replicate.run": LLM,
    "litellm.completion": LLM,
    "google.generativeai.generate_text": LLM,
    "google.generativeai.chat": LLM,
    "google.generativeai.embed_content": LLM,
    "openai.chat.completions.create": LLM,
    "openai.completions.create": LLM,
    "openai.embeddings.create": LLM,
    "openai.images.generate": LLM,
    "openai.audio.transcriptions.create": LLM,
    "openai.ChatCompletion.create": OLD_LLM,
    "openai.Completion.create": OLD_LLM,
    "openai.Embedding.create": OLD_LLM,
    "openai.Image.create": OLD_LLM,
    "openai.Audio.transcribe": OLD_AUDIO,
    "openai.Moderation.create": OLD_LLM,
    "firebase_admin.messaging.send": REMOTE,
    "firebase_admin.messaging.send_multicast": REMOTE,
    "firebase_admin.messaging.send_each": REMOTE,
    "pywebpush.webpush": REMOTE,
    "yfinance.download": REMOTE,
    "wikipedia.summary": REMOTE,
    "wikipedia.page": REMOTE,
}
"""Functions and constructors by their dotted name."""

STRIPE = "stripe."
STRIPE_METHODS = _names("create retrieve list modify delete cancel confirm capture search")
"""`stripe.Customer.create()` and the like; `stripe.Webhook.construct_event()` waits for nobody."""

_OPENAI = Client(
    LLM, _names("create generate edit parse retrieve list wait create_and_poll create_and_run_poll stream")
)
_REDIS = Client(
    REDIS,
    _names(
        "append bitcount bitfield bitfield_ro bitop bitpos copy dbsize decr decrby delete delex digest dump echo "
        "eval eval_ro evalsha evalsha_ro exists expire expireat expiretime flushall flushdb geoadd geodist geohash "
        "geopos georadius georadiusbymember geosearch geosearchstore get getbit getdel getex getrange getset hdel "
        "hexists hexpire hexpireat hexpiretime hget hgetall hgetdel hgetex hincrby hincrbyfloat hkeys hlen hmget "
        "hmset hpersist hpexpire hpexpireat hpexpiretime hpttl hrandfield hscan hscan_iter hset hsetex hsetnx "
        "hstrlen httl hvals incr incrby incrbyfloat info keys lcs lindex linsert llen lmove lmpop lpop lpos lpush "
        "lpushx lrange lrem lset ltrim mget move mset msetex msetnx persist pexpire pexpireat pexpiretime pfadd "
        "pfcount pfmerge ping psetex pttl publish pubsub_channels pubsub_numpat pubsub_numsub randomkey rename "
        "renamenx restore rpop rpoplpush rpush rpushx sadd scan scan_iter scard script_exists script_flush "
        "script_kill script_load sdiff sdiffstore set setbit setex setnx setrange sinter sintercard sinterstore "
        "sismember smembers smismember smove sort sort_ro spop spublish srandmember srem sscan sscan_iter strlen "
        "substr sunion sunionstore time touch ttl type unlink xack xackdel xadd xautoclaim xcfgset xclaim xdel "
        "xdelex xgroup_create xgroup_createconsumer xgroup_delconsumer xgroup_destroy xgroup_setid xinfo_consumers "
        "xinfo_groups xinfo_stream xlen xpending xpending_range xrange xread xreadgroup xrevrange xtrim zadd zcard "
        "zcount zdiff zdiffstore zincrby zinter zintercard zinterstore zlexcount zmpop zmscore zpopmax zpopmin "
        "zrandmember zrange zrangebylex zrangebyscore zrangestore zrank zrem zremrangebylex zremrangebyrank "
        "zremrangebyscore zrevrange zrevrangebylex zrevrangebyscore zrevrank zscan zscan_iter zscore zunion "
        "zunionstore"
    ),
    not_through=_names("pipeline"),
)
_REDIS_PIPELINE = Client(REDIS, _names("execute"))
_HTTP_CLIENT = Client(HTTP, _names(_HTTP_VERBS + " send stream"))
_MONGO = "find_one insert_one insert_many update_one update_many delete_one delete_many count_documents aggregate"

CLIENTS: dict[str, tuple[Client, ...]] = {
    "requests.Session": (_HTTP_CLIENT,),
    "requests.session": (_HTTP_CLIENT,),
    "requests.sessions.Session": (_HTTP_CLIENT,),
    "httpx.Client": (_HTTP_CLIENT,),
    "urllib3.PoolManager": (Client(HTTP, _names("request urlopen")),),
    "http.client.HTTPConnection": (Client(HTTP, _names("request getresponse connect")),),
    "http.client.HTTPSConnection": (Client(HTTP, _names("request getresponse connect")),),
    "subprocess.Popen": (Client(PROCESS, _names("wait communicate")),),
    **{
        f"django.core.mail{module}.{name}": (Client(MAIL, _names("send")),)
        for module in ("", ".message")
        for name in ("EmailMessage", "EmailMultiAlternatives")
    },
    "smtplib.SMTP": (Client(MAIL, _names("connect starttls login sendmail send_message")),),
    "smtplib.SMTP_SSL": (Client(MAIL, _names("connect login sendmail send_message")),),
    **{
        name: (_REDIS, _REDIS_PIPELINE, Client(REDIS_ITEM, _names(_POPPING)))
        for name in (
            "redis.Redis",
            "redis.StrictRedis",
            "redis.from_url",
            "redis.client.Redis",
            "redis.Redis.from_url",
            "redis.StrictRedis.from_url",
            "django_redis.get_redis_connection",
        )
    },
    "pymongo.MongoClient": (Client(DATABASE, _names(_MONGO)),),
    "elasticsearch.Elasticsearch": (Client(REMOTE, _names("search index get bulk delete update count")),),
    **{
        f"openai.{name}": (_OPENAI,)
        for name in ("OpenAI", "AzureOpenAI", "Client", "lib.azure.AzureOpenAI", "_client.OpenAI")
    },
    "groq.Groq": (_OPENAI,),
    "together.Together": (_OPENAI,),
    "anthropic.Anthropic": (_OPENAI,),
    "anthropic.AnthropicBedrock": (_OPENAI,),
    "anthropic.AnthropicVertex": (_OPENAI,),
    "mistralai.Mistral": (Client(LLM, _names("complete stream create")),),
    "mistralai.client.MistralClient": (Client(LLM, _names("chat chat_stream embeddings")),),
    "cohere.Client": (Client(LLM, _names("chat chat_stream generate embed rerank")),),
    "ollama.Client": (Client(LLM, _names("chat generate embed embeddings pull")),),
    "google.generativeai.GenerativeModel": (Client(LLM, _names("generate_content send_message count_tokens")),),
    "vertexai.generative_models.GenerativeModel": (Client(LLM, _names("generate_content send_message")),),
    "google.genai.Client": (
        Client(
            LLM,
            _names("generate_content generate_content_stream send_message send_message_stream embed_content upload"),
            not_through=_names("aio"),
        ),
    ),
    "boto3.client": (
        Client(
            AWS,
            None,
            quick=_names(
                "generate_presigned_url generate_presigned_post get_paginator get_waiter can_paginate close exceptions "
                "meta"
            ),
        ),
    ),
    "boto3.resource": (
        Client(
            AWS,
            _names(
                "put_object upload_file upload_fileobj download_file download_fileobj put_item get_item update_item "
                "delete_item query scan send_message receive_messages load copy"
            ),
        ),
    ),
    **{
        name: (
            Client(AWS, _names("get_object put_object upload_file download_file invoke invoke_model publish converse")),
        )
        for name in ("boto3.Session", "boto3.session.Session")
    },
    "celery.result.AsyncResult": (Client(RESULT, _names("get wait join collect")),),
    "celery.result.GroupResult": (Client(RESULT, _names("get join")),),
    "kafka.KafkaProducer": (Client(REMOTE, _names("flush get")),),
    "kafka.KafkaConsumer": (Client(REMOTE, _names("poll")),),
    "pika.BlockingConnection": (Client(REMOTE, _names("start_consuming process_data_events")),),
    "paramiko.SSHClient": (Client(REMOTE, _names("connect exec_command open_sftp")),),
    "docker.from_env": (Client(REMOTE, _names("run get list create start stop wait logs exec_run pull build")),),
    "docker.DockerClient": (Client(REMOTE, _names("run get list create start stop wait logs exec_run pull build")),),
    "twilio.rest.Client": (Client(REMOTE, _names("create fetch update")),),
    "yfinance.Ticker": (Client(REMOTE, _names("history")),),
    "socket.socket": (Client(SOCKET, _names("recv recvfrom accept")),),
    "websocket.create_connection": (Client(WEBSOCKET, _names("recv send")),),
    "websocket.WebSocket": (Client(WEBSOCKET, _names("connect recv send")),),
    "queue.Queue": (Client(QUEUE, _names("get join")),),
    "threading.Event": (Client(QUEUE, _names("wait")),),
    "threading.Thread": (Client(QUEUE, _names("join")),),
    "concurrent.futures.ThreadPoolExecutor": (Client(QUEUE, _names("result shutdown")),),
    "concurrent.futures.ProcessPoolExecutor": (Client(QUEUE, _names("result shutdown")),),
    "asyncio.run_coroutine_threadsafe": (Client(QUEUE, _names("result")),),
}
"""By the dotted name of what makes it: objects whose methods wait, also through attributes (`client.chat.completions`)
and through calls (`executor.submit(f).result()`)."""

BOUNDS = {
    "get": _names("block timeout"),
    "wait": _names("timeout"),
    "join": _names("timeout"),
    "result": _names("timeout"),
    "shutdown": _names("wait"),
}
"""Options of queues, events and futures with which the author has bounded the wait; those are left alone."""

LOOKS_FIRST = _names("empty qsize done is_set poll is_alive ready successful")
"""What is asked, in a condition around the call, of a thing that is then read without waiting."""

ASKS_KIND = _names("hasattr isinstance callable issubclass type")
"""What asks what kind of thing an argument is."""

ENDED_BY: dict[str, frozenset[str]] = {
    "wait": _names("terminate kill send_signal set"),
    "communicate": _names("terminate kill"),
    "join": _names("set put stop cancel"),
}
"""A call that waits for an end → what, in the same function, has just brought that end about."""

RUNNABLES = ("langchain", "langgraph")
"""Packages (langchain_openai, langchain_core … too) whose models, retrievers, graphs and agents are runnables."""

QUICK_RUNNABLES = (
    "langchain.prompts",
    "langchain_core.prompts",
    "langchain.schema",
    "langchain_core.output_parsers",
    "langchain.output_parsers",
    "langchain_core.runnables",
    "langchain_core.messages",
    "langchain.text_splitter",
    "langchain_text_splitters",
    "langchain_core.documents",
)
"""Parts of a chain that do not wait by themselves."""

RUNNABLE_METHODS = _names(
    "invoke stream batch predict predict_messages run call generate generate_prompt get_relevant_documents "
    "similarity_search similarity_search_with_score embed_query embed_documents"
)
"""`a…` in front of the name makes the coroutine."""

CELERY_TASK_DECORATORS = _names("shared_task task periodic_task")
STARTS_TASK = _names("delay apply_async")
WAITS_FOR_TASK = _names("get wait join collect")

HICCUP = 0.05
"""Seconds: a `time.sleep` below is not worth a word."""
