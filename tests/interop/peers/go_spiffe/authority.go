// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"math/big"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
)

// A certificate and its key.
type pair struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// An authority is a root, an intermediate that signs, and a key for tokens, in the shapes of
// SPIRE's: SVIDs name C=US, O=SPIRE, carry all three leaf key usages, and are backdated.
type authority struct {
	mutex        sync.Mutex
	domain       spiffeid.TrustDomain
	lifetime     time.Duration
	root         pair
	next         pair
	intermediate pair
	tokens       *ecdsa.PrivateKey
	bundle       *spiffebundle.Bundle
}

// What survives a restart, as SPIRE's server survives that of its agent.
type saved struct{ RootDER, RootKey, TokenKey []byte }

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	need(err)
	return key
}

// sign fills in what every certificate has.
func sign(template *x509.Certificate, lifetime time.Duration, parent *pair) pair {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	need(err)
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-10 * time.Second)
	template.NotAfter = time.Now().Add(lifetime)
	template.BasicConstraintsValid = true
	key := newKey()
	issuer := pair{template, key}
	if parent != nil {
		issuer = *parent
		// As SPIRE does: Go leaves it out where subject and issuer have one name, as all
		// its authorities have, and then no verifier can tell it from a root.
		template.AuthorityKeyId = parent.certificate.SubjectKeyId
	}
	der, err := x509.CreateCertificate(
		rand.Reader, template, issuer.certificate, key.Public(), issuer.key)
	need(err)
	certificate, err := x509.ParseCertificate(der)
	need(err)
	return pair{certificate, key}
}

func signCA(domain spiffeid.TrustDomain, parent *pair) pair {
	return sign(&x509.Certificate{
		Subject:  pkix.Name{Country: []string{"US"}, Organization: []string{"SPIFFE"}},
		URIs:     []*url.URL{domain.ID().URL()},
		IsCA:     true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, time.Hour, parent)
}

// openAuthority reads the state, or begins one.
func openAuthority(domain spiffeid.TrustDomain, lifetime time.Duration, path string) *authority {
	result := &authority{domain: domain, lifetime: lifetime}
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		result.root, result.tokens = signCA(domain, nil), newKey()
		state := saved{RootDER: result.root.certificate.Raw}
		state.RootKey, err = x509.MarshalECPrivateKey(result.root.key)
		need(err)
		state.TokenKey, err = x509.MarshalECPrivateKey(result.tokens)
		need(err)
		data, err = json.Marshal(state)
		need(err)
		need(os.WriteFile(path, data, 0o600))
	} else {
		need(err)
		var state saved
		need(json.Unmarshal(data, &state))
		result.root.certificate, err = x509.ParseCertificate(state.RootDER)
		need(err)
		result.root.key, err = x509.ParseECPrivateKey(state.RootKey)
		need(err)
		result.tokens, err = x509.ParseECPrivateKey(state.TokenKey)
		need(err)
	}
	result.intermediate = signCA(domain, &result.root)
	result.bundle = spiffebundle.New(domain)
	result.bundle.AddX509Authority(result.root.certificate)
	need(result.bundle.AddJWTAuthority("first", result.tokens.Public()))
	result.bundle.SetRefreshHint(time.Second)
	result.bundle.SetSequenceNumber(1)
	return result
}

// prepareRoot publishes a new root beside the old one, before it signs anything (FED-02).
func (a *authority) prepareRoot() {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.next = signCA(a.domain, nil)
	a.bundle.AddX509Authority(a.next.certificate)
	a.nextSequence()
}

// changeOver signs with the new root from now on.
func (a *authority) changeOver() {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.root = a.next
	a.intermediate = signCA(a.domain, &a.root)
}

// dropOldRoots leaves the one alone that signs.
func (a *authority) dropOldRoots() {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.bundle.SetX509Authorities([]*x509.Certificate{a.root.certificate})
	a.nextSequence()
}

func (a *authority) nextSequence() {
	number, _ := a.bundle.SequenceNumber()
	a.bundle.SetSequenceNumber(number + 1)
}

// issue gives a leaf with its intermediate behind it, and its key.
func (a *authority) issue(id spiffeid.ID) (chain []byte, key crypto.Signer) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	usage := x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	leaf := sign(&x509.Certificate{
		Subject:     pkix.Name{Country: []string{"US"}, Organization: []string{"SPIRE"}},
		URIs:        []*url.URL{id.URL()},
		KeyUsage:    usage | x509.KeyUsageKeyAgreement,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.lifetime, &a.intermediate)
	chain = append(chain, leaf.certificate.Raw...)
	return append(chain, a.intermediate.certificate.Raw...), leaf.key
}

// issueToken gives a JWT-SVID.
func (a *authority) issueToken(id spiffeid.ID, audience []string) (string, error) {
	key := jose.JSONWebKey{Key: cryptosigner.Opaque(a.tokens), KeyID: "first"}
	options := new(jose.SignerOptions).WithType("JWT")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	if err != nil {
		return "", err
	}
	now := time.Now()
	return jwt.Signed(signer).Claims(jwt.Claims{
		Subject:  id.String(),
		Audience: audience,
		IssuedAt: jwt.NewNumericDate(now),
		Expiry:   jwt.NewNumericDate(now.Add(5 * time.Minute)),
	}).Serialize()
}
