import assert from "node:assert/strict";
import { test } from "node:test";
import { detectedSettings } from "../testing/detected-settings.ts";
import type { Files } from "../testing/source-folder.ts";

const FLASK = 'from flask import Flask\n\napp = Flask(__name__)\n\n@app.route("/")\ndef index():\n    return "x"\n';
const FASTAPI =
  'from fastapi import FastAPI\n\napp = FastAPI(title="x")\n\n@app.get("/")\nasync def index():\n    return {}\n';
const MANAGE =
  '#!/usr/bin/env python\nimport os\nimport sys\n\ndef main():\n    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")\n    from django.core.management import execute_from_command_line\n    execute_from_command_line(sys.argv)\n\nif __name__ == "__main__":\n    main()\n';
const DJANGO: Files = {
  "manage.py": MANAGE,
  "mysite/__init__.py": "",
  "mysite/settings.py":
    'INSTALLED_APPS = [\n    "django.contrib.admin",\n]\nWSGI_APPLICATION = "mysite.wsgi.application"\n',
  "mysite/wsgi.py":
    'import os\nfrom django.core.wsgi import get_wsgi_application\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")\napplication = get_wsgi_application()\n',
  "mysite/asgi.py":
    "import os\nfrom django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n",
};

const CASES: readonly (readonly [name: string, files: Files, expected: object])[] = [
  [
    "Flask",
    { "app.py": `${FLASK}\nif __name__ == "__main__":\n    app.run()\n` },
    { app: "wsgi", handler: "app.app", description: "Flask app, app.py" },
  ],
  [
    "FastAPI beside a main function",
    { "main.py": `${FASTAPI}\ndef main():\n    import uvicorn\n    uvicorn.run(app)\n` },
    { app: "asgi", handler: "main.app", description: "FastAPI app, main.py" },
  ],
  [
    "FastAPI in a package",
    { "app/__init__.py": "", "app/main.py": FASTAPI, "requirements.txt": "fastapi\n" },
    { app: "asgi", handler: "app/main.app", description: "FastAPI app, app/main.py" },
  ],
  [
    "Starlette with an annotation",
    {
      "server.py":
        "from starlette.applications import Starlette\n\nserver: Starlette = Starlette(routes=[\n    # app = Flask()\n])\n",
    },
    { app: "asgi", handler: "server.server", description: "Starlette app, server.py" },
  ],
  [
    "Litestar",
    { "app.py": "import litestar\napp = litestar.Litestar(route_handlers=[])\n" },
    { app: "asgi", handler: "app.app", description: "Litestar app, app.py" },
  ],
  [
    "Bottle",
    { "main.py": 'import bottle\n\n@bottle.route("/")\ndef index():\n    return "x"\n\napp = bottle.default_app()\n' },
    { app: "wsgi", handler: "main.app", description: "Bottle app, main.py" },
  ],
  ["Django", DJANGO, { app: "wsgi", handler: "mysite/wsgi.application", description: "Django app, mysite/wsgi.py" }],
  [
    "Django with Channels",
    {
      ...DJANGO,
      "mysite/settings.py":
        'INSTALLED_APPS = ["channels"]\nASGI_APPLICATION = "mysite.asgi.application"\nWSGI_APPLICATION = "x"\n',
    },
    { app: "asgi", handler: "mysite/asgi.application", description: "Django app, mysite/asgi.py" },
  ],
  [
    "a factory",
    {
      "web.py": "from flask import Flask\n\ndef create_app(config=None):\n    app = Flask(__name__)\n    return app\n",
    },
    { app: "wsgi", handler: "web.create_app", description: "Flask app, web.py" },
  ],
  [
    "an app that another module makes",
    {
      "wsgi.py": "from shop import create_app\n\napplication = create_app()\n",
      "shop/__init__.py": "from .factory import create_app\n",
      "shop/factory.py": "from flask import Flask\n\n\ndef create_app():\n    app = Flask(__name__)\n    return app\n",
    },
    { app: "wsgi", handler: "wsgi.application", description: "Flask app, wsgi.py" },
  ],
  [
    "middleware around an app",
    { "app.py": `${FLASK}from werkzeug.middleware.proxy_fix import ProxyFix\napplication = ProxyFix(app)\n` },
    { app: "wsgi", handler: "app.application", description: "Flask app, app.py" },
  ],
  [
    "a WSGI function",
    { "app.py": 'def application(environ, start_response):\n    start_response("200 OK", [])\n    return [b"x"]\n' },
    { app: "wsgi", handler: "app.application", description: "WSGI app, app.py" },
  ],
  [
    "an ASGI function",
    { "app.py": "async def app(scope, receive, send):\n    pass\n" },
    { app: "asgi", handler: "app.app", description: "ASGI app, app.py" },
  ],
  [
    "Lambda",
    { "lambda_function.py": "def lambda_handler(event, context):\n    return {}\n" },
    {
      signature: "lambda",
      handler: "lambda_function.lambda_handler",
      description: "AWS Lambda function, lambda_function.py",
    },
  ],
  [
    "Lambda by its result",
    {
      "app.py": 'import json\n\ndef handler(event, context):\n    return {"statusCode": 200, "body": json.dumps({})}\n',
    },
    { signature: "lambda", handler: "app.handler", description: "AWS Lambda function, app.py" },
  ],
  [
    "a Google function",
    { "main.py": 'import functions_framework\n\n@functions_framework.http\ndef hello(request):\n    return "x"\n' },
    { signature: "gcf", handler: "main.hello", description: "Google Cloud function, main.py" },
  ],
  [
    "a Google function by its parameter",
    { "main.py": 'def hello_world(request):\n    return request.args.get("name")\n' },
    { signature: "gcf", handler: "main.hello_world", description: "Google Cloud function, main.py" },
  ],
  [
    "a CloudEvents function",
    { "main.py": "import functions_framework\n\n@functions_framework.cloud_event\ndef on(event):\n    pass\n" },
    { signature: "cloudevents", handler: "main.on", description: "CloudEvents function, main.py" },
  ],
  [
    "OpenFaaS",
    { "handler.py": 'def handle(event, context):\n    return {"statusCode": 200, "body": "x"}\n' },
    { signature: "openfaas", handler: "handler.handle", description: "OpenFaaS function, handler.py" },
  ],
  [
    "a package that serves",
    { "hello/__init__.py": "", "hello/__main__.py": "import hello.run\nhello.run.go()\n" },
    { app: "server", command: "python3 -m hello", description: "Python server, python3 -m hello" },
  ],
  [
    "a server of the standard library",
    {
      "server.py":
        'import os\nfrom http.server import HTTPServer, BaseHTTPRequestHandler\n\nclass H(BaseHTTPRequestHandler):\n    pass\n\nHTTPServer(("", int(os.environ["PORT"])), H).serve_forever()\n',
    },
    { app: "server", command: "python3 server.py", description: "Python server, server.py" },
  ],
  [
    "a plain function",
    { "main.py": 'def handler(event, context):\n    return "app = Flask()"\n' },
    { description: "Python function, main.py" },
  ],
  [
    "a plain function that is imported",
    { "main.py": "from lib.work import handler\n", "app.py": FLASK, "lib/work.py": "" },
    { description: "Python function, main.py" },
  ],
  [
    "names in strings and comments as none",
    {
      "main.py":
        '"""\nfrom flask import Flask\napp = Flask(__name__)\n"""\n# app = FastAPI()\ndef handler(event):\n    return 1\n',
    },
    { description: "Python function, main.py" },
  ],
  [
    "gunicorn in a Procfile",
    { Procfile: "web: gunicorn app:app --log-file - -b 0.0.0.0:$PORT -w 4\n", "app.py": FLASK },
    { app: "wsgi", handler: "app.app", description: "Flask app, app.py" },
  ],
  [
    "gunicorn for Django",
    { ...DJANGO, Procfile: "release: python manage.py migrate\nweb: gunicorn mysite.wsgi\n" },
    { app: "wsgi", handler: "mysite/wsgi.application", description: "Django app, mysite/wsgi.py" },
  ],
  [
    "gunicorn with uvicorn's workers",
    { Procfile: "web: gunicorn -k uvicorn.workers.UvicornWorker main:app\n", "main.py": FASTAPI },
    { app: "asgi", handler: "main.app", description: "FastAPI app, main.py" },
  ],
  [
    "a factory in a Procfile",
    {
      Procfile: 'web: gunicorn "app:create_app()"\n',
      "app.py": "from flask import Flask\ndef create_app():\n    return Flask(__name__)\n",
    },
    { app: "wsgi", handler: "app.create_app", description: "Flask app, app.py" },
  ],
  [
    "uvicorn in a Procfile",
    { Procfile: `web: uvicorn main:app --host 0.0.0.0 --port \${PORT:-8000} --proxy-headers\n`, "main.py": FASTAPI },
    { app: "asgi", handler: "main.app", description: "FastAPI app, main.py" },
  ],
  [
    "options of a Procfile that change behavior",
    { Procfile: "web: gunicorn --chdir src app:app\n", "src/app.py": FLASK },
    {
      app: "server",
      command: "gunicorn --chdir src app:app",
      description: "Python server, Procfile: gunicorn --chdir src app:app",
    },
  ],
  [
    "python -m uvicorn under poetry",
    { Procfile: "web: poetry run python -m uvicorn main:app\n", "main.py": FASTAPI },
    { app: "asgi", handler: "main.app", description: "FastAPI app, main.py" },
  ],
  [
    "a script in a Procfile that only starts the app",
    {
      Procfile: "web: python app.py\n",
      "app.py": `${FLASK}\nif __name__ == "__main__":\n    app.run(host="0.0.0.0", port=80)\n`,
    },
    { app: "wsgi", handler: "app.app", description: "Flask app, app.py" },
  ],
  [
    "a script in a Procfile that does more",
    {
      Procfile: "web: python app.py\n",
      "app.py": `${FLASK}\nif __name__ == "__main__":\n    db.create_all()\n    app.run(host="0.0.0.0", port=80)\n`,
    },
    { app: "server", command: "python app.py", description: "Python server, Procfile: python app.py" },
  ],
];

for (const [name, files, expected] of CASES)
  test(`detects ${name}`, async () => {
    assert.deepEqual(await detectedSettings(files), expected);
  });

test("recognizes what a given handler is", async () => {
  const files = { "site.py": `${FLASK}\ndef other(event):\n    return 1\n` };
  assert.deepEqual(await detectedSettings(files, { handler: "site.app" }), {
    app: "wsgi",
    handler: "site.app",
    description: "Flask app, site.py",
  });
  assert.deepEqual(await detectedSettings(files, { handler: "site.other" }), {
    handler: "site.other",
    description: "Python function, site.py",
  });
});
