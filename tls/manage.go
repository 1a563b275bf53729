package tls

import (
	"context"
	"fmt"
	"time"

	"gild/logs"
)

// manage sees that the group gets its first certificate: from the storage, or by an order, again and again until one
// succeeds. Renewal is certmagic's from then on.
func (a *automatic) manage(ctx context.Context, g *group) {
	former := a.serveFormer(ctx, g)
	for failures := 0; ; failures++ {
		err := g.config.ManageSync(ctx, g.names[:1])
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return
		}
		wait := a.settings.retry(failures)
		a.complain(g.names, err, fmt.Sprintf("gild tries again in %v", wait.Round(time.Second)))
		a.ledger.again(g.names[0], time.Now().Add(wait))
		if !sleep(ctx, wait) {
			return
		}
	}
	close(g.ready)
	a.cache.Remove(former)
}

// serveFormer puts the newest certificate of another set of names with the same first one into use while there is none for
// this set, as after an alias was added. It returns its hash, if there is one.
func (a *automatic) serveFormer(ctx context.Context, g *group) (hashes []string) {
	from := g.config.Issuers[0].IssuerKey()
	if g.local {
		a.checkLocal(ctx, g, from)
	}
	if a.storage.Exists(ctx, certificatePath(from, g.names[0])) {
		return nil
	}
	chain, key := a.storage.former(ctx, from, g.names[0])
	if chain == nil {
		return nil
	}
	hash, err := g.config.CacheUnmanagedCertificatePEMBytes(ctx, chain, key, nil)
	if err != nil {
		logs.Printf(a.log, logs.Warn, module, "the former certificate for %s cannot be used: %v", g.names[0], err)
		return nil
	}
	return []string{hash}
}

// checkLocal drops a local certificate whose root is gone: nobody can trust it any more.
func (a *automatic) checkLocal(ctx context.Context, g *group, from string) {
	text, err := a.storage.Load(ctx, certificatePath(from, g.names[0]))
	if err != nil {
		return // there is none
	}
	chain, err := parseCertificates(text, "")
	root, _, rootErr := a.local.load()
	if err != nil || rootErr != nil || chain[0].CheckSignatureFrom(root) != nil {
		a.storage.Delete(ctx, sitePath(from, g.names[0])) // if it cannot be, ManageSync says so
	}
}
