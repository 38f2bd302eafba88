"""Products: what the clinic sells."""

from core.sandbox.engine.errors import Json, invalid
from core.sandbox.engine.fields import take_flags, take_lists, take_texts
from core.sandbox.engine.lists import list_objects, search_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork


def build(product_id: str, created: int, *, name: str, description: str | None, metadata: Json) -> Json:
    return {
        "id": product_id,
        "object": "product",
        "active": True,
        "created": created,
        "default_price": None,
        "description": description,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": metadata,
        "name": name,
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": created,
        "url": None,
    }


def create(uow: UnitOfWork, params: Params) -> Json:
    product_id = params.text("id") or uow.ids.new("product")
    if uow.find(product_id):
        raise invalid("Product already exists.", params.named("id"), "resource_already_exists")
    product = build(
        product_id,
        uow.now,
        name=params.must_text("name"),
        description=params.text("description"),
        metadata=params.metadata(),
    )
    _take(product, params)
    uow.add(product, "product.created")
    return product


def _take(product: Json, params: Params) -> None:
    """The parameters that creating and updating share."""
    take_texts(product, params, ("description", "statement_descriptor", "tax_code", "unit_label", "url"))
    take_flags(product, params, ("active", "shippable"))
    take_lists(product, params, ("images",))
    if params.has("marketing_features"):
        product["marketing_features"] = [{"name": each.must_text("name")} for each in params.each("marketing_features")]


def update(uow: UnitOfWork, product_id: str, params: Params) -> Json:
    product = uow.get("product", product_id)
    if params.has("name"):
        product["name"] = params.must_text("name")
    if params.has("default_price"):
        given = params.text("default_price")
        product["default_price"] = uow.get("price", given, "default_price")["id"] if given else None
    _take(product, params)
    product["metadata"] = params.metadata(product["metadata"])
    product["updated"] = uow.now
    return uow.change(product, "product.updated")


def delete(uow: UnitOfWork, product_id: str, params: Params) -> Json:
    product = uow.get("product", product_id)
    if next(uow.all("price", "parent", product_id), None):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.")
    uow.announce("product.deleted", product)
    product["deleted"] = True
    uow.change(product)
    return {"id": product_id, "object": "product", "deleted": True}


def retrieve(uow: UnitOfWork, product_id: str, params: Params) -> Json:
    return uow.get("product", product_id)


def search(uow: UnitOfWork, params: Params) -> Json:
    return search_objects(uow, "product", "/v1/products/search", params)


def list_all(uow: UnitOfWork, params: Params) -> Json:
    wanted = set(params.strings("ids"))
    keep = (lambda product: product["id"] in wanted) if wanted else None
    return list_objects(uow, "product", "/v1/products", params, ("active", "shippable", "type", "url"), keep)
