/* workspace.c - the workspace of the process. */
#include "core/workspace.h"

#include "core/host.h"

static LARGE_TABLE struct workspace first;

struct workspace *workspace_take(const struct guest *guest)
{
    struct workspace *w = &first;
    w->t.ir.ops = w->ops;
    w->t.guest = guest;
    w->t.isa = guest->isa;
    w->emitter = host_backend.first_emitter;
    return w;
}
