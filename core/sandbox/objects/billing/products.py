"""Products: what the clinic sells."""

from core.sandbox.engine.errors import Json, invalid
from core.sandbox.engine.lists import list_objects
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
        raise invalid("Product already exists.", "id", "resource_already_exists")
    product = build(
        product_id,
        uow.now,
        name=params.must_text("name"),
        description=params.text("description"),
        metadata=params.metadata(),
    )
    product["active"] = params.flag("active", default=True)
    return uow.add(product, "product.created")


def update(uow: UnitOfWork, product_id: str, params: Params) -> Json:
    product = uow.get("product", product_id)
    for name in ("name", "description", "default_price"):
        if params.has(name):
            product[name] = params.text(name)
    product["active"] = params.flag("active", default=product["active"])
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


def list_all(uow: UnitOfWork, params: Params) -> Json:
    wanted = set(params.strings("ids"))
    keep = (lambda product: product["id"] in wanted) if wanted else None
    return list_objects(uow, "product", "/v1/products", params, ("active",), keep)
