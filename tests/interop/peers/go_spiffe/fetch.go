// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"google.golang.org/grpc/status"
)

// patience bounds a call that would hang; nothing waits for it when all is well.
const patience = 60 * time.Second

// describe verifies each SVID by the bundles that came with it: what we fetched has to be of
// use to go-spiffe, not only to parse.
func describe(svids []*x509svid.SVID, bundles *x509bundle.Set) (fields, error) {
	identities := []fields{}
	for _, svid := range svids {
		if _, _, err := x509svid.Verify(svid.Certificates, bundles); err != nil {
			return nil, err
		}
		identities = append(identities, fields{
			"id":      svid.ID.String(),
			"hint":    svid.Hint,
			"chain":   len(svid.Certificates),
			"serial":  svid.Certificates[0].SerialNumber.Text(16),
			"expires": svid.Certificates[0].NotAfter.Unix(),
		})
	}
	authorities := map[string]int{}
	for _, bundle := range bundles.Bundles() {
		authorities[bundle.TrustDomain().Name()] = len(bundle.X509Authorities())
	}
	return fields{"svids": identities, "authorities": authorities}, nil
}

// fetch asks for everything once and has the tokens verified on both sides.
func fetch(ctx context.Context, arguments []string) {
	address, audience := arguments[0], arguments[1]
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client, err := workloadapi.New(ctx, workloadapi.WithAddr(address))
	need(err)
	defer client.Close()

	x509Context, err := client.FetchX509Context(ctx)
	need(err)
	seen, err := describe(x509Context.SVIDs, x509Context.Bundles)
	need(err)
	say("x509", seen)

	x509Bundles, err := client.FetchX509Bundles(ctx)
	need(err)
	seen, err = describe(nil, x509Bundles)
	need(err)
	say("bundles", seen)

	jwtBundles, err := client.FetchJWTBundles(ctx)
	need(err)
	keys := map[string]int{}
	for _, bundle := range jwtBundles.Bundles() {
		keys[bundle.TrustDomain().Name()] = len(bundle.JWTAuthorities())
	}
	say("jwt_bundles", fields{"keys": keys})

	svids, err := client.FetchJWTSVIDs(ctx, jwtsvid.Params{Audience: audience})
	need(err)
	for _, svid := range svids {
		here, err := jwtsvid.ParseAndValidate(svid.Marshal(), jwtBundles, []string{audience})
		need(err)
		there, err := client.ValidateJWTSVID(ctx, svid.Marshal(), audience)
		need(err)
		say("jwt", fields{
			"id":      here.ID.String(),
			"there":   there.ID.String(),
			"hint":    svid.Hint,
			"expires": here.Expiry.Unix(),
			"token":   svid.Marshal(),
		})
	}
	_, err = client.ValidateJWTSVID(ctx, svids[0].Marshal(), audience+"-not")
	say("wrong_audience", fields{"refused": err != nil})
}

type watcher struct{ workloadapi.X509ContextWatcher }

func (watcher) OnX509ContextUpdate(update *workloadapi.X509Context) {
	seen, err := describe(update.SVIDs, update.Bundles)
	need(err)
	say("context", seen)
}

func (watcher) OnX509ContextWatchError(err error) {
	say("trouble", fields{"error": err.Error()})
}

// watch prints each update; go-spiffe connects again by itself.
func watch(ctx context.Context, arguments []string) {
	need(workloadapi.WatchX509Context(ctx, watcher{}, workloadapi.WithAddr(arguments[0])))
}

// wit asks for the incubating profile, and says how the server took it.
//
//	go_spiffe wit SOCKET
func wit(ctx context.Context, arguments []string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client, err := workloadapi.New(ctx, workloadapi.WithAddr(arguments[0]))
	need(err)
	defer client.Close()
	_, err = client.FetchWITSVIDs(ctx, "")
	svids := status.Code(err).String()
	_, err = client.FetchWITBundles(ctx)
	say("wit", fields{"svids": svids, "bundles": status.Code(err).String()})
}
