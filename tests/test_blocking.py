"""Which calls hold their thread, by what is called and what made the object."""

from __future__ import annotations

import pytest
from stacks import stack_of

from wslint.facts.walk import calls_within
from wslint.stack.execution.blocking import Blocked, Blocking

WAITS = {
    "sleep": ("import time", "time.sleep(2)"),
    "renamed": ("from time import sleep as rest", "rest(2)"),
    "requests": ("import requests", "requests.get(url)"),
    "session": ("import requests", "requests.Session().post(url)"),
    "entered": ("import httpx", "with httpx.Client() as client:\n        client.get(url)"),
    "openai": ("from openai import OpenAI\nclient = OpenAI()", "client.chat.completions.create(model='m')"),
    "openai 0": ("import openai", "openai.ChatCompletion.create(model='m')"),
    "anthropic": ("import anthropic", "anthropic.Anthropic().messages.create(model='m')"),
    "genai": ("from google import genai", "genai.Client().models.generate_content(model='m')"),
    "gemini": ("import google.generativeai as genai", "genai.GenerativeModel('m').generate_content('hi')"),
    "gemini chat": (
        "import google.generativeai as genai\nmodel = genai.GenerativeModel('m')",
        "model.start_chat().send_message('hi')",
    ),
    "langchain": ("from langchain_openai import ChatOpenAI", "ChatOpenAI().invoke('hi')"),
    "chain": (
        "from langchain_core.prompts import ChatPromptTemplate\nfrom langchain_openai import ChatOpenAI\n"
        "chain = ChatPromptTemplate.from_template('{q}') | ChatOpenAI()",
        "chain.stream({'q': 'hi'})",
    ),
    "graph": (
        "from langgraph.graph import StateGraph\ngraph = StateGraph(dict).compile()",
        "graph.invoke({'q': 'hi'})",
    ),
    "agent": ("from langgraph.prebuilt import create_react_agent", "create_react_agent('m', []).invoke({})"),
    "boto3": ("import boto3", "boto3.client('s3').list_objects(Bucket='b')"),
    "celery result": ("from celery.result import AsyncResult", "AsyncResult('id').get()"),
    "celery task": (
        "from celery import shared_task\n@shared_task\ndef work():\n    pass",
        "work.delay().get()",
    ),
    "stripe": ("import stripe", "stripe.Customer.create(email='a@b.c')"),
    "queue": ("import queue\nitems = queue.Queue()", "items.get()"),
    "future": (
        "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor()",
        "pool.submit(print).result()",
    ),
    "other loop": ("import asyncio", "asyncio.run_coroutine_threadsafe(work(), loop).result()"),
    "docker": ("import docker", "docker.from_env().containers.run('image')"),
    "websocket": ("from websocket import create_connection", "create_connection(url).recv()"),
    "redis append": ("import redis", "redis.Redis().append('log', 'line')"),
    "pipeline": ("import redis\npipe = redis.Redis().pipeline()", "pipe.execute()"),
    "set later": ("import redis\nclient = None\nclient = redis.Redis()", "client.get('key')"),
}

DOES_NOT = {
    "asyncio": ("import asyncio", "asyncio.sleep(2)"),
    "hiccup": ("import time", "time.sleep(0.01)"),
    "httpx async": ("import httpx", "httpx.AsyncClient().get(url)"),
    "answer": ("import requests", "requests.get"),
    "of the answer": ("import requests\nanswer = requests.Session().get('url')", "answer.json().get('key')"),
    "openai async": ("from openai import AsyncOpenAI", "AsyncOpenAI().chat.completions.create(model='m')"),
    "either": (
        "from openai import AsyncOpenAI, OpenAI\nclient = OpenAI() if DEBUG else AsyncOpenAI()",
        "client.chat.completions.create(model='m')",
    ),
    "genai async": ("from google import genai", "genai.Client().aio.models.generate_content(model='m')"),
    "ainvoke": ("from langchain_openai import ChatOpenAI", "ChatOpenAI().ainvoke('hi')"),
    "prompt": (
        "from langchain_core.prompts import ChatPromptTemplate",
        "ChatPromptTemplate.from_template('q').invoke({})",
    ),
    "redis async": ("import redis.asyncio as redis", "redis.Redis().get('key')"),
    "queued": ("import redis\npipe = redis.Redis().pipeline()", "pipe.append('log', 'line')"),
    "presigned": ("import boto3", "boto3.client('s3').generate_presigned_url('get_object')"),
    "ready": ("from celery.result import AsyncResult", "AsyncResult('id').ready()"),
    "webhook": ("import stripe", "stripe.Webhook.construct_event(body, header, secret)"),
    "no waiting": ("import queue\nitems = queue.Queue()", "items.get(block=False)"),
    "own delay": ("def work():\n    pass", "work.delay().get()"),
    "own client": ("class Client:\n    def get(self, url):\n        return url", "Client().get(url)"),
    "parameter": ("", "given.get(url)"),
}


def of(setup: str, call: str) -> Blocked | None:
    source = f"{setup}\n\ndef run(url, given=None):\n    {call}\n"
    stack = stack_of({"work.py": source, "consumers.py": "import channels\nimport work\n"})
    module = stack.modules.find("work", "consumers.py")
    assert module is not None
    function = module.scope.bindings["run"][-1].source
    calls = list(calls_within(function.body))
    frame = stack.values.frame(module.scope.child(function))
    found = [Blocking(stack.values).of(node, frame) for node in calls]
    return next((blocked for blocked in found if blocked is not None), None)


@pytest.mark.parametrize(("setup", "call"), WAITS.values(), ids=WAITS)
def test_waits(setup: str, call: str) -> None:
    assert of(setup, call) is not None


@pytest.mark.parametrize(("setup", "call"), DOES_NOT.values(), ids=DOES_NOT)
def test_does_not_wait(setup: str, call: str) -> None:
    assert of(setup, call) is None


def test_is_told_by_the_class_that_made_it() -> None:
    blocked = of("import redis\nclient = redis.Redis.from_url('redis://')", "client.get('key')")
    assert blocked is not None
    assert (blocked.name, blocked.waits, blocked.wait.slow) == ("Redis.get()", "waits for Redis", False)


def test_is_told_by_the_function_that_made_it() -> None:
    blocked = of("from django_redis import get_redis_connection", "get_redis_connection('default').get('key')")
    assert blocked is not None
    assert blocked.name == "django_redis.get_redis_connection(…).get()"


@pytest.mark.parametrize(
    ("setup", "call", "instead"),
    [
        ("import openai", "openai.ChatCompletion.create(model='m')", "acreate()"),
        ("import openai", "openai.Audio.transcribe('whisper-1', url)", "atranscribe()"),
        ("import websocket", "websocket.create_connection(url)", "websockets.connect()"),
    ],
)
def test_async_form_is_of_the_same_thing(setup: str, call: str, instead: str) -> None:
    blocked = of(setup, call)
    assert blocked is not None
    assert instead in blocked.wait.instead


def test_a_short_sleep_is_not_slow() -> None:
    short, long = of("import time", "time.sleep(0.5)"), of("import time", "time.sleep(url)")
    assert short is not None and long is not None
    assert not short.wait.slow and long.wait.slow
