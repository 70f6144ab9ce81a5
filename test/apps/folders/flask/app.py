from flask import Flask, Response, jsonify, redirect, request, stream_with_context, url_for

app = Flask(__name__)


@app.route("/")
def index():
    return f'<a href="{url_for("item", item_id=3)}">item 3</a>'


@app.route("/items/<int:item_id>")
def item(item_id):
    return jsonify(id=item_id, agent=request.headers.get("x-test"))


@app.route("/upload", methods=["POST"])
def upload():
    return jsonify(name=request.files["file"].filename, size=len(request.files["file"].read()))


@app.route("/old")
def old():
    return redirect(url_for("index"))


@app.route("/stream")
def stream():
    return Response(stream_with_context(f"line {i}\n" for i in range(3)), mimetype="text/plain")


if __name__ == "__main__":
    app.run(debug=True)
