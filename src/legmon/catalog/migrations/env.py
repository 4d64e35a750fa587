"""Run migrations, as Alembic's entry point, on the connection that the catalog passes."""

from alembic import context

from legmon.catalog.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
