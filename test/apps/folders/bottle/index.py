from bottle import Bottle, request, response

application = Bottle()


@application.get("/hello/<name>")
def hello(name):
    response.set_cookie("last", name)
    return {"hello": name, "again": request.get_cookie("last")}
