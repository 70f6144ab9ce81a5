from flask import Blueprint

blueprint = Blueprint("shop", __name__)


@blueprint.get("/products")
def products():
    return ["lamp", "chair"]
