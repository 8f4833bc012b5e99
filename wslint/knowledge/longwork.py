"""Asynchronous calls of libraries that take long or never end, by their spelling (wslint/stack/code/spelling.py).

Each table is a pattern over the whole spelling with the words that a message says for it. The synchronous ones are in
blocking.py. Sources: the documentation of each library; "endless" is what it calls listening, consuming or serving.
"""

from __future__ import annotations

import re

ENDLESS_SOURCES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(redis|aioredis|valkey)\..*\.pubsub\(\)\.listen\(\)"), "the Redis subscription"),
    (re.compile(r"(redis|aioredis|valkey)\..*\.monitor\(\)\.listen\(\)"), "the Redis monitor"),
    (re.compile(r"aiokafka\.(\w+\.)*AIOKafkaConsumer\(\)"), "the Kafka topic"),
    (re.compile(r"kafka\.(\w+\.)*KafkaConsumer\(\)"), "the Kafka topic"),
    (re.compile(r"(aiomqtt|asyncio_mqtt)\.(\w+\.)*Client\(\)\.(\w+_)?messages(\(\))?"), "the MQTT topic"),
    (re.compile(r"aio_pika\..*\.iterator\(\)"), "the queue"),
    (re.compile(r"nats\..*\.subscribe\(\)\.messages"), "the NATS subject"),
    (re.compile(r"psycopg\..*\.notifies\(\)"), "the database's notifications"),
    (re.compile(r"watchfiles\.a?watch\(\)"), "the watched files"),
    (re.compile(r"(motor|pymongo)\..*\.watch\(\)"), "the change stream"),
    (re.compile(r"kubernetes(_asyncio)?\.watch\.(\w+\.)*Watch\(\)\.stream\(\)"), "the watch"),
    (re.compile(r"itertools\.(count|repeat|cycle)\(\)"), "an iterator"),
)
"""What `async for` and `for` never come to the end of by themselves."""

UPSTREAMS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"websockets\.(\w+\.)*connect\(\)"), "the other websocket to close"),
    (re.compile(r"aiohttp\.(\w+\.)*ClientSession\(\)\.ws_connect\(\)"), "the other websocket to close"),
)
"""What `async for` reads until the other side has no more to say: at once, in a minute, or never."""

NOBODY = "something that nobody ever sets"

ENDLESS_CALLS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"asyncio\.(\w+\.)*(Future|Event\(\)\.wait)\(\)"), NOBODY),
    (re.compile(r"asyncio\.(get_running_loop|get_event_loop)\(\)\.create_future\(\)"), NOBODY),
)
"""What `await` waits for without end, when it is written in the `await` itself."""

LLM = "the model's answer"

LONG_CALLS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(
            r"openai\.(\w+\.)*Async(Azure)?OpenAI\(\)\.(with_options\(\)\.)?"
            r"(beta\.)?(chat\.completions|completions|responses|images|audio\.\w+|threads\.\S+)"
            r"\.(create|parse|stream|generate|edit|create_and_poll|create_and_run_poll|poll|submit_tool_outputs_and_poll)"
        ),
        LLM,
    ),
    (re.compile(r"openai\.(ChatCompletion|Completion|Image|Audio)\.a(create|transcribe|translate)"), LLM),
    (re.compile(r"anthropic\.(\w+\.)*Async\w+\(\)\.(beta\.)?(messages|completions)\.(create|stream)"), LLM),
    (re.compile(r"(groq|together|cerebras\.cloud\.sdk)\.(\w+\.)*Async\w+\(\)\..*\.create"), LLM),
    (re.compile(r"litellm\.(\w+\.)*a(completion|text_completion|responses|image_generation|transcription)"), LLM),
    (re.compile(r"ollama\.AsyncClient\(\)\.(chat|generate|pull)"), LLM),
    (re.compile(r"google\.genai\.(\w+\.)*Client\(\)\.aio\.\S+\.(generate_\w+|send_message(_stream)?)"), LLM),
    (
        re.compile(
            r"google\.generativeai\.(\w+\.)*GenerativeModel\(\)\.(start_chat\(\)\.)?"
            r"(generate_content_async|send_message_async)"
        ),
        LLM,
    ),
    (re.compile(r"mistralai\.(\w+\.)*Mistral\(\)\.\S+\.(complete|stream)_async"), LLM),
    (re.compile(r"cohere\.(\w+\.)*AsyncClient(V2)?\(\)\.(chat|chat_stream|generate)"), LLM),
    (
        re.compile(
            r"(langchain\w*|langgraph|langserve)(\.\S*|\|)"
            r"\.(ainvoke|astream\w*|abatch\w*|agenerate\w*|apredict\w*|acall|arun)"
        ),
        LLM,
    ),
    (re.compile(r"asyncio\.create_subprocess_(exec|shell)\(\)\.(wait|communicate)"), "the subprocess"),
    (re.compile(r"httpx\.AsyncClient\(\)\.stream\(\)\.(aiter_\w+|aread)"), "the HTTP stream"),
    (re.compile(r"aiohttp\.(\w+\.)*ClientSession\(\)\.\w+\(\)\.content\.iter_\w+"), "the HTTP stream"),
    (re.compile(r"httpx_sse\.aconnect_sse\(\)\.aiter_sse"), "the HTTP stream"),
)
"""Calls that, awaited or iterated to the end, take seconds to minutes; the spelling is that of the callee."""

LONG_SOURCES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(openai|anthropic)\..*\.stream\(\)(\.text_stream)?"), LLM),
    (re.compile(r"asyncio\.create_subprocess_(exec|shell)\(\)\.std(out|err)"), "the subprocess"),
    (re.compile(r"aiohttp\.(\w+\.)*ClientSession\(\)\.\w+\(\)\.content"), "the HTTP stream"),
)
"""Objects that `async for` takes such a long time to read."""

RUNNABLE = re.compile(r"(ainvoke|astream|astream_events|astream_log|abatch|abatch_as_completed)")
"""Methods that only LangChain's and LangGraph's runnables have; what they are called on need not be known then."""

RUNNABLE_PACKAGES = ("langchain", "langchain-core", "langgraph", "langchain-openai", "langchain-community")

REQUESTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"httpx\.AsyncClient\(\)\.(get|post|put|patch|delete|request|send|head)"), "an HTTP request"),
    (re.compile(r"aiohttp\.(\w+\.)*ClientSession\(\)\.(get|post|put|patch|delete|request|head)"), "an HTTP request"),
    (re.compile(r"aiosmtplib\.(\w+\.)*(send|SMTP\(\)\.send_message)"), "an e-mail"),
)
"""Calls that take as long as somebody else's server."""


def named(tables: tuple[tuple[re.Pattern[str], str], ...], spelling: str) -> str | None:
    """The words for a spelling that a table knows."""
    return next((words for pattern, words in tables if pattern.fullmatch(spelling)), None)
