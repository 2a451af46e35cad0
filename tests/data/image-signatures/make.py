#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/data/image-signatures/make.py: writes cases.json anew, with new keys (needs python3-cryptography; no test runs it).

Every case is a signature (or several), what the policy asks for, and what must come out: tests/unit/image_driver.h.
"""
import base64
import datetime
import hashlib
import json
import os
import struct

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID as EKU
from cryptography.x509.oid import NameOID

NOW = 1795330800  # 2026-11-22
DIGEST = "sha256:" + hashlib.sha256(b"image").hexdigest()
OTHER = "sha256:" + hashlib.sha256(b"another image").hexdigest()
MEDIA = "application/vnd.oci.image.manifest.v1+json"
SUBJECT = {"digest": DIGEST, "mediaType": MEDIA, "size": 457}
REFERENCE = "registry.example/team/app"
keys, cases = {}, []

b64 = lambda b: base64.b64encode(b).decode()
b64u = lambda b: base64.urlsafe_b64encode(b).decode().rstrip("=")
compact = lambda o: json.dumps(o, separators=(",", ":")).encode()


def pem(public):
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


KEY = {
    "p256": ec.generate_private_key(ec.SECP256R1()), "p256b": ec.generate_private_key(ec.SECP256R1()),
    "p384": ec.generate_private_key(ec.SECP384R1()), "p521": ec.generate_private_key(ec.SECP521R1()),
    "rsa2048": rsa.generate_private_key(65537, 2048), "rsa3072": rsa.generate_private_key(65537, 3072),
    "rsa4096": rsa.generate_private_key(65537, 4096), "ed25519": ed25519.Ed25519PrivateKey.generate(),
}
OWN_HASH = {"p256": hashes.SHA256(), "p256b": hashes.SHA256(), "p384": hashes.SHA384(), "p521": hashes.SHA512()}
for name, private in KEY.items():
    keys[name] = pem(private.public_key())
keys["p256-again"] = "\n".join(keys["p256"].splitlines()) + "\n\n"
# The same point, compressed: another file, the same key.
point = KEY["p256"].public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
der = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + point
keys["p256-compressed"] = "-----BEGIN PUBLIC KEY-----\n" + b64(der) + "\n-----END PUBLIC KEY-----\n"


def sign(name, message, digest=None, pss=False):
    key = KEY[name] if isinstance(name, str) else name
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    if isinstance(key, rsa.RSAPrivateKey):
        digest = digest or hashes.SHA256()
        return key.sign(message, padding.PSS(padding.MGF1(digest), digest.digest_size) if pss else padding.PKCS1v15(), digest)
    return key.sign(message, ec.ECDSA(digest or {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[key.key_size]))


def case(name, expect, candidates, trusts=None, stage="", **more):
    if isinstance(candidates, dict):
        candidates = [candidates]
    if trusts is None:
        trusts = trust()
    if isinstance(trusts, dict):
        trusts = [trusts]
    cases.append({"name": name, "subject": SUBJECT, "now": NOW, "trusts": trusts, "candidates": candidates, "expect": expect,
                  "stage": stage, **more})


def refused(name, candidates, trusts=None, stage="signature", **more):
    case(name, "reject", candidates, trusts, stage, **more)


def trust(names=("p256",), threshold=1, identity=None):
    if isinstance(names, str):
        names = (names,)
    t = {"scheme": "cosign-key", "keys": list(names), "threshold": threshold}
    if identity:
        t["identity"] = dict(zip(("type", "value", "signedPrefix"), identity))
    return t


# ---- cosign ----

def payload(digest=DIGEST, reference=REFERENCE, kind="cosign container image signature"):
    return {"critical": {"identity": {"docker-reference": reference}, "image": {"docker-manifest-digest": digest}, "type": kind},
            "optional": None}


def legacy(body=None, key="p256", signature=None, text=None, digest=None, pss=False):
    if body is None:
        body = payload()
    if not isinstance(body, bytes):
        body = compact(body)
    signature = signature if signature is not None else sign(key, body, digest, pss)
    c = {"format": "cosign-legacy", "blob": b64(body)}
    if text is not False:
        c["signature"] = text if text is not None else b64(signature)
    return c


def cosign():
    for name in KEY:
        case("cosign-" + name, "accept", legacy(key=name), trust(name))
    refused("cosign-p384-with-sha256", legacy(key="p384", digest=hashes.SHA256()), trust("p384"))
    refused("cosign-p521-with-sha256", legacy(key="p521", digest=hashes.SHA256()), trust("p521"))
    refused("cosign-p256-with-sha512", legacy(digest=hashes.SHA512()))
    refused("cosign-rsa-with-sha512", legacy(key="rsa2048", digest=hashes.SHA512()), trust("rsa2048"))
    refused("cosign-rsa-pss", legacy(key="rsa2048", pss=True), trust("rsa2048"))
    body = compact(payload())
    good = sign("p256", body)
    r, s = decode_dss_signature(good)
    integer = lambda b: b"\x02" + bytes([len(b)]) + b
    sequence = lambda b: b"\x30" + bytes([len(b)]) + b
    raw = lambda n: n.to_bytes(33, "big").lstrip(b"\0") if n.to_bytes(33, "big").lstrip(b"\0")[0] < 128 else b"\0" + n.to_bytes(33, "big").lstrip(b"\0")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    wrong = {
        "trailing": good + b"\0", "trailing-inside": sequence(integer(raw(r)) + integer(raw(s)) + b"\x05\0"),
        "zero": encode_dss_signature(0, 0), "r-zero": encode_dss_signature(0, s), "s-zero": encode_dss_signature(r, 0),
        "r-order": encode_dss_signature(order, s), "s-order": encode_dss_signature(r, order),
        "r-plus-order": encode_dss_signature(r + order, s),
        "long-length": b"\x30\x81" + good[1:], "indefinite": b"\x30\x80" + good[2:] + b"\0\0",
        "padded-integer": sequence(integer(b"\0" + raw(r)) + integer(raw(s))),
        "raw-halves": r.to_bytes(32, "big") + s.to_bytes(32, "big"), "empty": b"",
    }
    for name, bytes_ in wrong.items():
        refused("cosign-der-" + name, legacy(body, signature=bytes_))
    text = b64(good)
    # A size that leaves bits over, whatever r and s are: RSA's 256 bytes.
    rsa_text = b64(sign("rsa2048", body))
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    at = digits.index(rsa_text[-3])
    texts = {"leading-blank": " " + text, "trailing-newline": text + "\n", "newline-inside": text[:40] + "\n" + text[40:],
             "no-padding": text.rstrip("=") + "", "more-padding": text + "====", "url-alphabet": base64.urlsafe_b64encode(b"\xff" * 9).decode(),
             "padding-inside": text[:4] + "====" + text[4:], "empty": ""}
    for name, t in texts.items():
        if t != text:
            refused("cosign-base64-" + name, legacy(body, text=t))
    refused("cosign-base64-unused-bits", legacy(body, text=rsa_text[:-3] + digits[at ^ 1] + rsa_text[-2:]), trust("rsa2048"))
    refused("cosign-base64-unpadded", legacy(body, text=rsa_text.rstrip("=")), trust("rsa2048"))
    refused("cosign-no-annotation", legacy(text=False))
    p = payload()
    shapes = {
        "other-digest": payload(OTHER), "upper-case-digest": payload("sha256:" + DIGEST[7:].upper()), "bare-digest": payload(DIGEST[7:]),
        "atomic-type": payload(kind="atomic container signature"), "extra-top": {**p, "more": 1},
        "extra-critical": {**p, "critical": {**p["critical"], "x": 1}},
        "extra-identity": {**p, "critical": {**p["critical"], "identity": {"docker-reference": REFERENCE, "x": 1}}},
        "extra-image": {**p, "critical": {**p["critical"], "image": {"docker-manifest-digest": DIGEST, "x": 1}}},
        "optional-text": {**p, "optional": "x"}, "optional-list": {**p, "optional": []}, "no-optional": {"critical": p["critical"]},
        "critical-null": {**p, "critical": None}, "no-type": {**p, "critical": {k: v for k, v in p["critical"].items() if k != "type"}},
        "reference-number": payload(reference=5), "digest-list": payload([DIGEST]),
        "duplicate": body.replace(b'"optional"', b'"critical":{},"optional"'),
        "duplicate-escaped": body.replace(b'"type"', b'"typ\\u0065":"x","type"'),
        "trailing-data": body + b"{}", "bom": b"\xef\xbb\xbf" + body, "comment": body + b"//x", "nul": body + b"\0",
        "nul-in-type": body.replace(b"signature\"", b"signature\\u0000\""), "list": b"[" + body + b"]", "not-json": b"\0\1\2\3",
        "deep": body.replace(b"null", b'{"a":' * 40 + b"1" + b"}" * 40),
    }
    for name, body_ in shapes.items():
        refused("cosign-payload-" + name, legacy(body_))
    case("cosign-optional-object", "accept", legacy({**p, "optional": {"creator": "x", "timestamp": 1}}))
    case("cosign-white-space", "accept", legacy(json.dumps(p, indent=1).encode() + b"\n"))
    refused("cosign-empty-payload", legacy(b""))
    refused("cosign-wrong-key", legacy(key="p256b"))
    refused("cosign-wrong-kind-of-key", legacy(), trust(("rsa2048", "ed25519", "p384")))
    case("cosign-third-key", "accept", legacy(), trust(("rsa2048", "ed25519", "p256")))
    refused("cosign-no-candidate", [])


def thresholds():
    a, b = legacy(), legacy(key="p256b")
    case("threshold-2-of-2", "accept", [a, b], trust(("p256", "p256b"), 2))
    refused("threshold-one-key-twice", [a, legacy()], trust(("p256", "p256b"), 2), "policy")
    refused("threshold-one-key-in-two-files", [a, legacy()], trust(("p256", "p256-again"), 2), "policy")
    refused("threshold-one-key-compressed", [a, legacy()], trust(("p256-compressed", "p256"), 2), "policy")
    refused("threshold-above-keys", [a, b], trust(("p256", "p256b"), 3), "policy")
    refused("threshold-same-signature-twice", [a, a], trust(("p256", "p256b"), 2), "policy")
    case("threshold-mixed-formats", "accept", [a, bundle(key="p256b")], trust(("p256", "p256b"), 2))
    case("threshold-0-is-1", "accept", a, trust("p256", 0))
    refused("threshold-0-is-not-0", legacy(key="p256b"), trust("p256", 0))
    case("bad-ones-before-a-good-one", "accept", [legacy(key="p256b")] * 20 + [a])
    case("two-requirements", "accept", [a, b], [trust("p256"), trust("p256b")])
    refused("two-requirements-one-fails", [a], [trust("p256"), trust("p256b")])
    refused("no-requirement", [a], [], "policy")
    case("compressed-key", "accept", a, trust("p256-compressed"))


def identities():
    def one(name, expect, identity, reference=REFERENCE, image="", stage="policy"):
        case("identity-" + name, expect, legacy(payload(reference=reference)), trust(identity=identity),
             stage if expect == "reject" else "", imageName=image)

    tagged = REFERENCE + ":v1"
    digested = REFERENCE + "@" + DIGEST
    one("any", "accept", None, "")
    for reference in (REFERENCE, tagged, digested, tagged + "@" + DIGEST):
        one("repository-" + reference[len(REFERENCE):len(REFERENCE) + 4], "accept", ("exactRepository", REFERENCE), reference)
    one("repository-other", "reject", ("exactRepository", REFERENCE), REFERENCE + "x")
    one("repository-below", "reject", ("exactRepository", REFERENCE), REFERENCE + "/x")
    one("repository-above", "reject", ("exactRepository", REFERENCE), "registry.example/team")
    one("repository-other-port", "reject", ("exactRepository", "registry.example:5000/team/app"), REFERENCE)
    one("repository-port", "accept", ("exactRepository", "registry.example:5000/team/app"), "registry.example:5000/team/app:1")
    one("repository-localhost", "accept", ("exactRepository", "localhost/app"), "localhost/app:1")
    one("repository-v6", "accept", ("exactRepository", "[::1]:5000/app"), "[::1]:5000/app:1")
    one("repository-value-with-tag", "reject", ("exactRepository", tagged), tagged)
    for name, value in {"no-registry": "team/app", "upper": "registry.example/Team/app", "blank": REFERENCE + " ", "newline": REFERENCE + "\n",
                        "slash": REFERENCE + "/", "double-slash": "registry.example//app", "dots": "registry.example/../app",
                        "leading-slash": "/team/app", "scheme": "https://registry.example/team/app", "empty-tag": REFERENCE + ":",
                        "bad-tag": REFERENCE + ":-x", "bad-digest": REFERENCE + "@sha256:00", "long-tag": REFERENCE + ":" + "a" * 129,
                        "escape": REFERENCE + "\u001b[2J", "three-lines": "registry.example/a___b", "port": "registry.example:/app",
                        "long-port": "registry.example:123456/app", "empty": "", "long": "registry.example/" + "a" * 600}.items():
        one("not-a-name-" + name, "reject", ("exactRepository", value), value)
    one("reference", "accept", ("exactReference", tagged), tagged)
    one("reference-other-tag", "reject", ("exactReference", tagged), REFERENCE + ":v2")
    one("reference-no-tag-signed", "reject", ("exactReference", tagged), REFERENCE)
    one("reference-no-tag-wanted", "reject", ("exactReference", REFERENCE), REFERENCE)
    one("reference-with-digest", "accept", ("exactReference", digested), digested)
    for kind in ("matchExact", "matchRepoDigestOrExact", "matchRepository", "remapIdentity"):
        one(kind + "-no-name", "reject", (kind, "registry.example", "registry.example"), tagged)
        one(kind + "-bad-name", "reject", (kind, "registry.example", "registry.example"), tagged, "team/app")
        one(kind + "-other-digest", "reject", (kind, "registry.example", "registry.example"), REFERENCE, REFERENCE + "@" + OTHER)
        one(kind + "-same-tag", "accept", (kind, "registry.example", "registry.example"), tagged, tagged)
        one(kind + "-other-repository", "reject", (kind, "registry.example", "registry.example"), tagged, "registry.example/team/b:v1")
        one(kind + "-other-tag", "accept" if kind == "matchRepository" else "reject", (kind, "registry.example", "registry.example"), tagged,
            REFERENCE + ":v2")
        one(kind + "-digest", "reject" if kind == "matchExact" else "accept", (kind, "registry.example", "registry.example"), tagged, digested)
        one(kind + "-plain", "accept" if kind == "matchRepository" else "reject", (kind, "registry.example", "registry.example"), tagged, REFERENCE)
    one("remap", "accept", ("remapIdentity", "mirror.example:5000/m", "registry.example"), tagged, "mirror.example:5000/m/team/app:v1")
    one("remap-whole", "accept", ("remapIdentity", "mirror.example/m", REFERENCE), tagged, "mirror.example/m:v1")
    one("remap-host", "accept", ("remapIdentity", "mirror.example", "registry.example"), tagged, "mirror.example/team/app:v1")
    one("remap-half-component", "reject", ("remapIdentity", "mirror.example/t", "registry.example/t"), tagged, "mirror.example/team/app:v1")
    one("remap-host-is-not-port", "reject", ("remapIdentity", "mirror.example", "registry.example"), tagged, "mirror.example:5000/team/app:v1")
    one("remap-makes-no-name", "reject", ("remapIdentity", "mirror.example", "Bad Host"), tagged, "mirror.example/team/app:v1")
    case("identity-bundle", "reject", bundle(), trust(identity=("exactRepository", REFERENCE)), "policy")


# ---- Sigstore bundles ----

STATEMENT = {"_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"sha256": DIGEST[7:]}, "annotations": {}}],
             "predicateType": "https://sigstore.dev/cosign/sign/v1", "predicate": {}}
IN_TOTO = "application/vnd.in-toto+json"


def pae(kind, body):
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(body), body)


def bundle(statement=None, key="p256", kind=IN_TOTO, message=None, change=None, text=None):
    body = statement if isinstance(statement, bytes) else compact(statement or STATEMENT)
    signature = sign(key, message(body) if message else pae(kind, body))
    top = {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
           "verificationMaterial": {"publicKey": {"hint": b64(b"h" * 32)}},
           "dsseEnvelope": {"payload": text(body) if text else b64(body), "payloadType": kind, "signatures": [{"sig": b64(signature)}]}}
    if change:
        top = change(top) or top
    return {"format": "sigstore-bundle", "blob": b64(top if isinstance(top, bytes) else compact(top))}


def bundles():
    for name in KEY:
        case("bundle-" + name, "accept", bundle(key=name), trust(name))
    changed = lambda **more: {**STATEMENT, **more}
    statements = {
        "other-digest": changed(subject=[{"digest": {"sha256": OTHER[7:]}}]), "digest-with-name": changed(subject=[{"digest": {"sha256": DIGEST}}]),
        "sha512-only": changed(subject=[{"digest": {"sha512": DIGEST[7:]}}]), "no-subject": changed(subject=[]),
        "subject-object": changed(subject={"digest": {"sha256": DIGEST[7:]}}), "subject-null": changed(subject=None),
        "digest-list": changed(subject=[{"digest": [DIGEST[7:]]}]), "slsa": changed(predicateType="https://slsa.dev/provenance/v1"),
        "predicate-longer": changed(predicateType="https://sigstore.dev/cosign/sign/v1/x"), "type-v01": changed(_type="https://in-toto.io/Statement/v0.1"),
        "extra": changed(more=1), "predicate-text": changed(predicate="x"),
        "duplicate": compact(STATEMENT)[:-1] + b',"subject":[]}', "trailing": compact(STATEMENT) + b"x",
    }
    for name, statement in statements.items():
        refused("bundle-statement-" + name, bundle(statement))
    case("bundle-second-subject", "accept", bundle(changed(subject=[{"name": "x", "digest": {"sha256": OTHER[7:]}}, STATEMENT["subject"][0]])))
    case("bundle-no-predicate", "accept", bundle({k: v for k, v in STATEMENT.items() if k != "predicate"}))
    messages = {
        "no-pae": lambda b: b, "length-with-zero": lambda b: b"DSSEv1 28 %s 0%d %s" % (IN_TOTO.encode(), len(b), b),
        "wrong-type-length": lambda b: b"DSSEv1 29 %s %d %s" % (IN_TOTO.encode(), len(b), b),
        "wrong-length": lambda b: b"DSSEv1 28 %s %d %s" % (IN_TOTO.encode(), len(b) + 1, b),
        "base64-payload": lambda b: pae(IN_TOTO, b64(b).encode()), "other-version": lambda b: pae(IN_TOTO, b).replace(b"DSSEv1", b"DSSEv2"),
        "other-type": lambda b: pae("text/plain", b), "newline": lambda b: pae(IN_TOTO, b) + b"\n",
    }
    for name, message in messages.items():
        refused("bundle-pae-" + name, bundle(message=message))
    refused("bundle-type-plain", bundle(kind="text/plain"))
    refused("bundle-type-blank", bundle(kind=IN_TOTO + " "))
    refused("bundle-payload-url-base64", bundle(changed(predicate={"x": "\u00ff\u00fe??>>~~"}), text=lambda b: base64.urlsafe_b64encode(b).decode().rstrip("=")))
    refused("bundle-payload-newline", bundle(text=lambda b: b64(b) + "\n"))

    def envelope(**more):
        return lambda top: {**top, "dsseEnvelope": {**top["dsseEnvelope"], **more}}

    def signatures(function):
        return lambda top: envelope(signatures=function(top["dsseEnvelope"]["signatures"]))(top)

    material = lambda **more: lambda top: {**top, "verificationMaterial": {**top["verificationMaterial"], **more}}
    changes = {
        "two-signatures": signatures(lambda s: s + s), "no-signature": signatures(lambda s: []), "signature-object": signatures(lambda s: s[0]),
        "signature-extra": signatures(lambda s: [{**s[0], "x": 1}]), "signature-text": signatures(lambda s: [s[0]["sig"]]),
        "envelope-extra": envelope(x=1), "top-extra": lambda top: {**top, "x": 1},
        "media-v01": lambda top: {**top, "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1"},
        "media-missing": lambda top: {k: v for k, v in top.items() if k != "mediaType"},
        "message-signature": lambda top: {**top, "messageSignature": {}},
        "certificate": lambda top: {**top, "verificationMaterial": {"certificate": {"rawBytes": ""}}},
        "certificate-beside": material(certificate={"rawBytes": ""}), "material-extra": material(x=1),
        "material-empty": lambda top: {**top, "verificationMaterial": {}}, "material-text": lambda top: {**top, "verificationMaterial": "x"},
        "duplicate-payload": lambda top: compact(top).replace(b'"payloadType"', b'"payload":"","payloadType"'),
        "trailing": lambda top: compact(top) + b"{}", "list": lambda top: b"[" + compact(top) + b"]",
    }
    for name, change in changes.items():
        refused("bundle-" + name, bundle(change=change))
    case("bundle-no-hint", "accept", bundle(change=lambda top: {**top, "verificationMaterial": {"publicKey": {}}}))
    case("bundle-wrong-hint", "accept", bundle(change=material(publicKey={"hint": "anything"})))
    case("bundle-keyid", "accept", bundle(change=signatures(lambda s: [{**s[0], "keyid": ""}])))
    case("bundle-tlog", "accept", bundle(change=material(tlogEntries=[{"logIndex": "1"}], timestampVerificationData={})))
    refused("bundle-wrong-key", bundle(key="p256b"))
    refused("bundle-as-legacy", {**bundle(), "format": "cosign-legacy", "signature": b64(sign("p256", b"x"))})


# ---- notation ----

def dn(**parts):
    oid = {"C": NameOID.COUNTRY_NAME, "ST": NameOID.STATE_OR_PROVINCE_NAME, "L": NameOID.LOCALITY_NAME, "O": NameOID.ORGANIZATION_NAME,
           "OU": NameOID.ORGANIZATIONAL_UNIT_NAME, "CN": NameOID.COMMON_NAME}
    return x509.Name([x509.NameAttribute(oid[k], v) for k, vs in parts.items() for v in ([vs] if isinstance(vs, str) else vs)])


ROOT, MIDDLE = dn(C="US", ST="WA", O="org", CN="root"), dn(C="US", ST="WA", O="org", CN="middle")
LEAF = dn(C="US", ST="WA", L="here", O="org", CN="signer")
TRUSTED = "x509.subject: C=US, ST=WA, O=org"
day = lambda text: datetime.datetime.fromisoformat(text)


def certificate(subject, key, issuer, issuer_key, ca=False, usage=None, eku=(EKU.CODE_SIGNING,), after="2046-01-01", before="2020-01-01",
                length=None, more=(), has_usage=True, digest=hashes.SHA256(), basic=True):
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
             "encipher_only", "decipher_only")
    usage = usage or (("key_cert_sign", "crl_sign") if ca else ("digital_signature",))
    b = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
         .serial_number(x509.random_serial_number()).not_valid_before(day(before)).not_valid_after(day(after)))
    if basic:
        b = b.add_extension(x509.BasicConstraints(ca, length if ca else None), True)
    if has_usage:
        b = b.add_extension(x509.KeyUsage(**{n: n in usage for n in names}), True)
    if eku and not ca:
        b = b.add_extension(x509.ExtendedKeyUsage(list(eku)), False)
    for extension, critical in more:
        b = b.add_extension(extension, critical)
    return b.sign(issuer_key, digest)


to_der = lambda c: c.public_bytes(serialization.Encoding.DER)
to_pem = lambda c: c.public_bytes(serialization.Encoding.PEM).decode()
root_key, middle_key, other_root_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
root = certificate(ROOT, root_key, ROOT, root_key, ca=True)
same_name = certificate(ROOT, other_root_key, ROOT, other_root_key, ca=True)
middle = certificate(MIDDLE, middle_key, ROOT, root_key, ca=True, length=0)
expired_root = certificate(ROOT, root_key, ROOT, root_key, ca=True, after="2026-01-01")
short_root = certificate(ROOT, root_key, ROOT, root_key, ca=True, length=0)
keys.update({"root": to_pem(root), "same-name": to_pem(same_name), "middle": to_pem(middle), "expired-root": to_pem(expired_root),
             "short-root": to_pem(short_root)})
ALGORITHM = {"p256": "ES256", "p384": "ES384", "p521": "ES512", "rsa2048": "PS256", "rsa3072": "PS384", "rsa4096": "PS512"}
NUMBER = {"ES256": -7, "ES384": -35, "ES512": -36, "PS256": -37, "PS384": -38, "PS512": -39}
HASH = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
PAYLOAD = {"targetArtifact": {"mediaType": MEDIA, "digest": DIGEST, "size": 457}}
N = "io.cncf.notary."


def leaf_for(key="p256", **more):
    return certificate(more.pop("subject", LEAF), KEY[key], more.pop("issuer", ROOT), more.pop("issuer_key", root_key), **more)


def jose_sign(key, message, algorithm, der_form=False):
    private = KEY[key]
    digest = HASH[algorithm[2:]] if algorithm[2:] in HASH else hashes.SHA256()
    if isinstance(private, rsa.RSAPrivateKey):
        return sign(private, message, digest, pss=algorithm.startswith("PS"))
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return private.sign(message)
    signature = sign(private, message, digest)
    if der_form:
        return signature
    size = (private.key_size + 7) // 8
    return b"".join(n.to_bytes(size, "big") for n in decode_dss_signature(signature))


def protected(algorithm="ES256", expiry=None, **more):
    h = {"alg": algorithm, "crit": [N + "signingScheme"], "cty": "application/vnd.cncf.notary.payload.v1+json", N + "signingScheme": "notary.x509",
         N + "signingTime": "2025-10-09T09:00:00Z"}
    if expiry:
        h["crit"].append(N + "expiry")
        h[N + "expiry"] = expiry
    h.update(more)
    return {k: v for k, v in h.items() if v is not None}


def jws(header=None, chain=None, key="p256", body=None, change=None, algorithm=None, der_form=False, text=b64u, expiry=None):
    algorithm = algorithm or ALGORITHM.get(key, "ES256")
    header = header if isinstance(header, bytes) else compact(header or protected(algorithm, expiry))
    body = body if isinstance(body, bytes) else compact(body or PAYLOAD)
    chain = chain or [leaf_for(key), root]
    top = {"payload": text(body), "protected": text(header),
           "header": {"x5c": [b64(c if isinstance(c, bytes) else to_der(c)) for c in chain], N + "signingAgent": "test/1"}}
    top["signature"] = text(jose_sign(key, (top["protected"] + "." + top["payload"]).encode(), algorithm, der_form))
    if change:
        top = change(top) or top
    return {"format": "notation-jws", "blob": b64(top if isinstance(top, bytes) else compact(top))}


def notation(ca=("root",), level="strict", trusted=(TRUSTED,)):
    return {"scheme": "notation", "keys": [ca] if isinstance(ca, str) else list(ca), "level": level, "trustedIdentities": list(trusted)}


def jwss():
    t = notation()
    good = lambda name, c, trusts=t: case("jws-" + name, "accept", c, trusts)
    bad = lambda name, c, trusts=t, stage="signature": refused("jws-" + name, c, trusts, stage)
    for key in ALGORITHM:
        good(key, jws(key=key))
    bad("ed25519", jws(key="ed25519"))
    for key, algorithm in (("p256", "ES384"), ("p384", "ES256"), ("p521", "ES256"), ("rsa2048", "RS256"), ("rsa2048", "PS512"), ("rsa4096", "PS256"),
                           ("p256", "PS256"), ("rsa2048", "ES256"), ("p256", "HS256"), ("p256", "none"), ("p256", "es256"), ("p256", "ES256K"), ("p256", "")):
        bad(f"{key}-says-{algorithm or 'nothing'}", jws(protected(algorithm), key=key, algorithm=algorithm or "ES256"))
    bad("alg-number", jws(protected(alg=-7)))
    bad("alg-missing", jws(protected(alg=None)))
    bad("der-signature", jws(der_form=True))
    zero = lambda top: {**top, "signature": b64u(bytes(64))}
    bad("zero-signature", jws(change=zero))
    bad("short-signature", jws(change=lambda top: {**top, "signature": top["signature"][:-4]}))
    bad("empty-signature", jws(change=lambda top: {**top, "signature": ""}))
    bad("padded-base64", jws(text=lambda b: base64.urlsafe_b64encode(b).decode()))
    bad("standard-base64", jws(protected(**{"com.example.x": "\u00ff~~~???>>>"}), text=lambda b: b64(b).rstrip("=")))
    c = N + "signingScheme"
    headers = {
        "crit-missing": protected(crit=None), "crit-empty": protected(crit=[]), "crit-text": protected(crit=c), "crit-twice": protected(crit=[c, c]),
        "crit-unknown": protected(crit=[c, "com.example.x"], **{"com.example.x": "1"}), "crit-alg": protected(crit=[c, "alg"]),
        "crit-number": protected(crit=[c, 1]), "crit-absent": protected(crit=[c, N + "expiry"]), "cty": protected(cty="application/json"),
        "cty-missing": protected(cty=None), "scheme-authority": protected(**{c: "notary.x509.signingAuthority"}), "scheme-missing": protected(**{c: None}),
        "plugin": protected(crit=[c, N + "verificationPlugin"], **{N + "verificationPlugin": "x"}), "plugin-not-critical": protected(**{N + "verificationPlugin": "x"}),
        "expiry-not-critical": protected(**{N + "expiry": "2046-01-01T00:00:00Z"}), "expiry-number": protected(expiry=1),
        "expiry-no-time": protected(expiry="2046-13-01T00:00:00Z"), "expiry-before-made": protected(expiry="2025-10-09T08:59:59Z"),
        "time-missing": protected(**{N + "signingTime": None}), "time-wrong": protected(**{N + "signingTime": "2025-10-09 09:00:00Z"}),
        "jwk": protected(jwk={}), "b64": protected(b64=False), "unknown-own": protected(**{N + "other": 1}), "zip": protected(zip="DEF"),
        "duplicate": compact(protected())[:-1] + b',"alg":"none"}', "list": b"[]", "not-json": b"x",
    }
    for name, header in headers.items():
        bad("header-" + name, jws(header))
    good("extension-not-critical", jws(protected(**{"com.example.build": "5"})))
    good("expiry-ahead", jws(expiry="2046-01-01T00:00:00Z"))
    good("expiry-with-zone", jws(expiry="2046-01-01T00:00:00.5+01:00"))
    bad("expired", jws(expiry="2026-01-01T00:00:00Z"), stage="policy")
    bad("expires-now", jws(expiry="2026-11-22T07:00:00Z"), stage="policy")
    good("expired-permissive", jws(expiry="2026-01-01T00:00:00Z"), notation(level="permissive"))
    a = PAYLOAD["targetArtifact"]
    bodies = {
        "other-digest": {**a, "digest": OTHER}, "other-size": {**a, "size": 458}, "other-media": {**a, "mediaType": "application/json"},
        "size-text": {**a, "size": "457"}, "size-float": {**a, "size": 457.0}, "size-missing": {k: v for k, v in a.items() if k != "size"}, "extra": {**a, "urls": []},
    }
    for name, target in bodies.items():
        bad("payload-" + name, jws(body={"targetArtifact": target}))
    bad("payload-size-exponent", jws(body=compact(PAYLOAD).replace(b"457", b"45.7e1")))
    bad("payload-extra-top", jws(body={**PAYLOAD, "x": 1}))
    bad("payload-duplicate", jws(body=compact(PAYLOAD)[:-1] + b',"targetArtifact":{}}'))
    bad("payload-text", jws(body={"targetArtifact": DIGEST}))
    good("payload-annotations", jws(body={"targetArtifact": {**a, "annotations": {"a": "b"}}}))
    bad("top-extra", jws(change=lambda top: {**top, "x": 1}))
    bad("general-form", jws(change=lambda top: {"payload": top["payload"], "signatures": [top]}))
    bad("header-unknown", jws(change=lambda top: {**top, "header": {**top["header"], "alg": "none"}}))
    bad("no-x5c", jws(change=lambda top: {**top, "header": {}}))
    bad("x5c-text", jws(change=lambda top: {**top, "header": {"x5c": top["header"]["x5c"][0]}}))
    bad("x5c-empty", jws(change=lambda top: {**top, "header": {"x5c": []}}))
    bad("x5c-numbers", jws(change=lambda top: {**top, "header": {"x5c": [1, 2]}}))


def chains():
    t = notation()
    good = lambda name, chain, trusts=t, **more: case("chain-" + name, "accept", jws(chain=chain, **more), trusts)
    bad = lambda name, chain, trusts=t, stage="signature", **more: refused("chain-" + name, jws(chain=chain, **more), trusts, stage)
    leaf = leaf_for()
    below = leaf_for(issuer=MIDDLE, issuer_key=middle_key)
    good("intermediate", [below, middle, root])
    good("second-ca", [leaf, root], notation(("same-name", "root")))
    bad("reversed", [root, leaf])
    bad("middle-order", [below, root, middle])
    bad("no-root", [below, middle])
    bad("root-alone", [root])
    bad("leaf-alone", [leaf])
    bad("root-twice", [leaf, root, root])
    bad("stranger-inside", [leaf, middle, root])
    bad("too-long", [leaf] + [root] * 8)
    bad("root-by-name-only", [leaf_for(issuer_key=other_root_key), same_name])
    bad("root-of-the-same-name", [leaf_for(issuer_key=other_root_key), root])
    bad("other-root-trusted", [leaf, root], notation("same-name"))
    bad("intermediate-trusted", [below, middle], notation("middle"))
    bad("trailing-byte", [to_der(leaf) + b"\0", root])
    bad("cut", [to_der(leaf)[:-1], root])
    bad("empty", [b"", root])
    bad("leaf-is-ca", [leaf_for(ca=True, usage=("digital_signature", "key_cert_sign")), root])
    bad("leaf-issues", [leaf_for(usage=("digital_signature", "key_cert_sign")), root])
    bad("leaf-no-usage", [leaf_for(has_usage=False), root])
    bad("leaf-wrong-usage", [leaf_for(usage=("key_encipherment",)), root])
    good("leaf-no-eku", [leaf_for(eku=None), root])
    good("leaf-no-basic", [leaf_for(basic=False), root])
    for name, eku in (("server", (EKU.SERVER_AUTH,)), ("server-too", (EKU.CODE_SIGNING, EKU.SERVER_AUTH)), ("any", (EKU.ANY_EXTENDED_KEY_USAGE,)),
                      ("any-too", (EKU.CODE_SIGNING, EKU.ANY_EXTENDED_KEY_USAGE)), ("mail", (EKU.CODE_SIGNING, EKU.EMAIL_PROTECTION)),
                      ("time", (EKU.CODE_SIGNING, EKU.TIME_STAMPING)), ("ocsp", (EKU.CODE_SIGNING, EKU.OCSP_SIGNING)), ("client", (EKU.CLIENT_AUTH,))):
        bad("leaf-eku-" + name, [leaf_for(eku=eku), root])
    bad("leaf-expired", [leaf_for(after="2026-01-01"), root], stage="policy")
    bad("leaf-not-yet", [leaf_for(before="2040-01-01"), root], stage="policy")
    good("leaf-expired-permissive", [leaf_for(after="2026-01-01"), root], notation(level="permissive"))
    bad("root-expired", [leaf, expired_root], notation("expired-root"), "policy")
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\0")
    bad("leaf-unknown-critical", [leaf_for(more=[(unknown, True)]), root])
    good("leaf-unknown-extension", [leaf_for(more=[(unknown, False)]), root])
    place = x509.UniformResourceIdentifier("http://pki.example/list")
    crl = (x509.CRLDistributionPoints([x509.DistributionPoint([place], None, None, None)]), False)
    asked = lambda method: (x509.AuthorityInformationAccess([x509.AccessDescription(method, place)]), False)
    ocsp, issuers = asked(x509.AuthorityInformationAccessOID.OCSP), asked(x509.AuthorityInformationAccessOID.CA_ISSUERS)
    bad("leaf-crl", [leaf_for(more=[crl]), root], stage="policy")
    bad("leaf-ocsp", [leaf_for(more=[ocsp]), root], stage="policy")
    bad("middle-crl", [below, certificate(MIDDLE, middle_key, ROOT, root_key, ca=True, more=[crl]), root], stage="policy")
    good("leaf-crl-permissive", [leaf_for(more=[crl, ocsp]), root], notation(level="permissive"))
    good("leaf-ca-issuers", [leaf_for(more=[issuers]), root])
    crl_root = certificate(ROOT, root_key, ROOT, root_key, ca=True, more=[crl])
    keys["crl-root"] = to_pem(crl_root)
    good("root-crl", [leaf, crl_root], notation("crl-root"))
    no_ca = certificate(MIDDLE, middle_key, ROOT, root_key, ca=False)
    bad("middle-no-ca", [below, no_ca, root])
    bad("middle-no-sign", [below, certificate(MIDDLE, middle_key, ROOT, root_key, ca=True, usage=("crl_sign",)), root])
    bad("middle-no-basic", [below, certificate(MIDDLE, middle_key, ROOT, root_key, usage=("key_cert_sign",), basic=False, eku=None), root])
    bad("path-too-long", [below, certificate(MIDDLE, middle_key, ROOT, root_key, ca=True), short_root], notation("short-root"))
    constraint = x509.NameConstraints(None, [x509.DirectoryName(dn(C="US"))])
    bad("name-constraint", [below, certificate(MIDDLE, middle_key, ROOT, root_key, ca=True, more=[(constraint, True)]), root])
    bad("signed-by-another", [leaf_for("p256"), root], key="p256b")
    small = rsa.generate_private_key(65537, 1024)
    bad("leaf-small-rsa", [certificate(LEAF, small, ROOT, root_key), root])
    curve = ec.generate_private_key(ec.SECP256K1())
    bad("leaf-other-curve", [certificate(LEAF, curve, ROOT, root_key), root])
    odd = rsa.generate_private_key(65537, 2560)
    bad("leaf-odd-rsa", [certificate(LEAF, odd, ROOT, root_key), root])
    own = certificate(LEAF, KEY["p256"], LEAF, KEY["p256"])
    keys["self-signed"] = to_pem(own)
    good("self-signed-leaf", [own], notation("self-signed"))
    bad("self-signed-leaf-untrusted", [own])
    fake = leaf_for(subject=LEAF, issuer=LEAF, issuer_key=root_key)
    keys["not-self-signed"] = to_pem(fake)
    bad("not-self-signed", [fake], notation("not-self-signed"))
    who = lambda name, expect, *trusted, subject=LEAF: case("subject-" + name, expect, jws(chain=[leaf_for(subject=subject), root]),
                                                           notation(trusted=trusted), "policy" if expect == "reject" else "")
    s = "x509.subject: "
    who("any", "accept", "*")
    who("whole", "accept", s + "C=US, ST=WA, L=here, O=org, CN=signer")
    who("no-blanks", "accept", "x509.subject:CN=signer,O=org,ST=WA,C=US")
    who("second", "accept", s + "C=US, ST=WA, O=else", TRUSTED)
    who("none", "reject")
    who("other-org", "reject", s + "C=US, ST=WA, O=Org")
    who("longer", "reject", s + "C=US, ST=WA, O=org, OU=x")
    who("prefix", "reject", s + "C=US, ST=WA, O=or")
    for name, text in (("no-country", "ST=WA, O=org"), ("no-state", "C=US, O=org"), ("no-org", "C=US, ST=WA"), ("only-name", "CN=signer"), ("empty", ""),
                       ("unknown", "C=US, ST=WA, O=org, X=y"), ("twice", "C=US, ST=WA, O=org, O=org"), ("lower", "c=US, st=WA, o=org"),
                       ("plus", "C=US, ST=WA, O=org+CN=signer"), ("trailing-comma", "C=US, ST=WA, O=org,"), ("empty-value", "C=US, ST=WA, O=org, CN="),
                       ("bad-escape", "C=US, ST=WA, O=org\\"), ("nul", "C=US, ST=WA, O=org\\00"), ("star", "*"), ("quoted", 'C=US, ST=WA, O="org"')):
        who("form-" + name, "reject", s + text)
    who("no-prefix", "reject", "C=US, ST=WA, O=org")
    comma = dn(C="US", ST="WA", O="org, inc \u00e9")
    who("escaped", "accept", s + "C=US, ST=WA, O=org\\, inc \\C3\\A9", subject=comma)
    who("escaped-plain", "accept", s + "C=US, ST=WA, O=org\\, inc \u00e9", subject=comma)
    who("two-orgs", "reject", TRUSTED, subject=dn(C="US", ST="WA", O=["org", "evil"]))
    who("two-units", "accept", TRUSTED, subject=dn(C="US", ST="WA", O="org", OU=["a", "b"]))
    who("comma-injection", "reject", TRUSTED, subject=dn(C="US", CN="x, ST=WA, O=org"))


# ---- COSE ----

def head(major, n):
    for width, code, form in ((24, None, None), (1 << 8, 24, ">B"), (1 << 16, 25, ">H"), (1 << 32, 26, ">I"), (1 << 64, 27, ">Q")):
        if n < width:
            return bytes([major << 5 | n]) if code is None else bytes([major << 5 | code]) + struct.pack(form, n)


class Raw(bytes):
    pass


class Tag:
    def __init__(self, number, value):
        self.number, self.value = number, value


class Pairs(list):
    """A map whose keys may be equal."""


def cbor(v):
    if isinstance(v, Raw):
        return bytes(v)
    if v is None or v is True or v is False:
        return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[v]
    if isinstance(v, int):
        return head(0, v) if v >= 0 else head(1, -1 - v)
    if isinstance(v, bytes):
        return head(2, len(v)) + v
    if isinstance(v, str):
        return head(3, len(v.encode())) + v.encode()
    if isinstance(v, Tag):
        return head(6, v.number) + cbor(v.value)
    if isinstance(v, Pairs):
        return head(5, len(v)) + b"".join(cbor(k) + cbor(x) for k, x in v)
    if isinstance(v, dict):
        return cbor(Pairs(v.items()))
    return head(4, len(v)) + b"".join(map(cbor, v))


def cose_header(algorithm=-7, expiry=None, **more):
    h = {1: algorithm, 2: [N + "signingScheme"], 3: "application/vnd.cncf.notary.payload.v1+json", N + "signingScheme": "notary.x509",
         N + "signingTime": Tag(1, 1760000400)}
    if expiry is not None:
        h[2] = h[2] + [N + "expiry"]
        h[N + "expiry"] = expiry
    for k, v in more.items():
        h[int(k[1:]) if k[1:].isdigit() else k] = v
    return h


def cose(header=None, chain=None, key="p256", body=None, unprotected=None, tail=b"", start=b"\xd2\x84", encode_payload=None, algorithm=None, change=None):
    name = algorithm or ALGORITHM[key]
    header = header if isinstance(header, bytes) else cbor(header or cose_header(NUMBER[name]))
    body = body if isinstance(body, bytes) else compact(body or PAYLOAD)
    chain = chain or [leaf_for(key), root]
    signature = jose_sign(key, cbor(["Signature1", header, b"", body]), name)
    unprotected = unprotected if unprotected is not None else {33: [to_der(c) for c in chain], N + "signingAgent": "test/1"}
    whole = start + cbor(header) + cbor(unprotected) + (encode_payload(body) if encode_payload else cbor(body)) + cbor(signature) + tail
    return {"format": "notation-cose", "blob": b64(change(whole) if change else whole)}


def coses():
    t = notation()
    good = lambda name, c, trusts=t: case("cose-" + name, "accept", c, trusts)
    bad = lambda name, c, trusts=t, stage="signature": refused("cose-" + name, c, trusts, stage)
    for key in ALGORITHM:
        good(key, cose(key=key))
    for key, algorithm in (("p256", "ES384"), ("p384", "ES256"), ("rsa2048", "PS512"), ("rsa2048", "ES256"), ("p256", "PS256")):
        bad(f"{key}-says-{algorithm}", cose(cose_header(NUMBER[algorithm]), key=key, algorithm=algorithm))
    c = N + "signingScheme"
    own = cose_header()
    chain = [to_der(leaf_for()), to_der(root)]
    without = lambda label: {k: v for k, v in own.items() if k != label}
    headers = {
        "alg-rs256": cose_header(-257), "alg-eddsa": cose_header(-8), "alg-text": cose_header("ES256"), "alg-positive": cose_header(6), "alg-missing": without(1),
        "alg-hmac": cose_header(5), "crit-missing": without(2), "crit-empty": cose_header(_2=[]), "crit-text": cose_header(_2=c), "crit-twice": cose_header(_2=[c, c]),
        "crit-unknown": cose_header(_2=[c, "com.example.x"], **{"com.example.x": 1}), "crit-number": cose_header(_2=[c, 3]), "crit-absent": cose_header(_2=[c, N + "expiry"]),
        "type": cose_header(_3="application/json"), "type-number": cose_header(_3=50), "type-missing": without(3),
        "scheme-authority": cose_header(**{c: "notary.x509.signingAuthority"}), "scheme-missing": without(c), "time-missing": without(N + "signingTime"),
        "time-no-tag": cose_header(**{N + "signingTime": 1760000400}), "time-tag-0": cose_header(**{N + "signingTime": Tag(0, "2025-10-09T09:00:00Z")}),
        "time-negative": cose_header(**{N + "signingTime": Tag(1, -1)}), "time-huge": cose_header(**{N + "signingTime": Tag(1, 2**64 - 1)}),
        "expiry-not-critical": cose_header(**{N + "expiry": Tag(1, 2500000000)}), "plugin": cose_header(**{N + "verificationPlugin": "x"}),
        "label-kid": cose_header(_4=b"x"), "unknown-own": cose_header(**{N + "other": 1}), "label-negative": Pairs([*own.items(), (-5, 1)]),
        "duplicate-alg": Pairs([*own.items(), (1, -7)]), "duplicate-text": Pairs([*own.items(), (c, "notary.x509")]), "label-bytes": Pairs([*own.items(), (b"x", 1)]),
        "long-alg-label": Pairs([(Raw(b"\x18\x01"), -7), *list(own.items())[1:]]), "long-number": cose_header(Raw(b"\x38\x06")),
        "indefinite-map": Raw(b"\xbf" + b"".join(cbor(k) + cbor(v) for k, v in own.items()) + b"\xff"),
        "indefinite-text": cose_header(_3=Raw(b"\x7f" + cbor(own[3]) + b"\xff")), "indefinite-list": cose_header(_2=Raw(b"\x9f" + cbor(c) + b"\xff")),
        "float": cose_header(**{"com.example.x": Raw(b"\xfb\x3f\xf0\0\0\0\0\0\0")}), "undefined": cose_header(**{"com.example.x": Raw(b"\xf7")}),
        "bad-text": cose_header(**{"com.example.x": Raw(b"\x62\xc3\x28")}), "surrogate": cose_header(**{"com.example.x": Raw(b"\x63\xed\xa0\x80")}),
        "nul-in-text": cose_header(**{"com.example.x\0": 1}), "deep": cose_header(**{"com.example.x": Raw(b"\x81" * 40 + b"\0")}),
        "huge-list": cose_header(**{"com.example.x": Raw(b"\x9b" + b"\xff" * 8)}), "inner-duplicate": cose_header(**{"com.example.x": Pairs([(1, 1), (1, 2)])}),
        "list": Raw(cbor([1])), "huge-map": Raw(b"\xbb" + b"\xff" * 8), "many": cose_header(**{f"com.example.x{i}": i for i in range(40)}),
    }
    for name, header in headers.items():
        bad("header-" + name, cose(header if isinstance(header, dict) else cbor(header)))
    bad("header-trailing", cose(cbor(own) + b"\0"))
    bad("header-empty", cose(Raw(b"")))
    good("extension-not-critical", cose(cose_header(**{"com.example.x": [1, {"a": None}, True]})))
    good("expiry-ahead", cose(cose_header(expiry=Tag(1, 2400000000))))
    bad("expired", cose(cose_header(expiry=Tag(1, 1770000000))), stage="policy")
    good("expired-permissive", cose(cose_header(expiry=Tag(1, 1770000000))), notation(level="permissive"))
    unprotected = {
        "no-chain": {}, "chain-bytes": {33: chain[0]}, "chain-empty": {33: []}, "chain-text": {33: ["x", "y"]}, "chain-nested": {33: [chain]},
        "duplicate": Pairs([(33, chain), (33, chain)]), "unknown": {33: chain, "x": 1}, "alg": {33: chain, 1: -7}, "list": [33, chain],
        "indefinite-chain": {33: Raw(b"\x9f" + b"".join(map(cbor, chain)) + b"\xff")}, "long-chain": {33: chain * 5},
    }
    for name, u in unprotected.items():
        bad("unprotected-" + name, cose(unprotected=u))
    good("timestamp-ignored", cose(unprotected={33: chain, N + "timestampSignature": b"x"}))
    bad("untagged", cose(start=b"\x84"))
    bad("other-tag", cose(start=b"\xd1\x84"))
    bad("long-tag", cose(start=b"\xd8\x12\x84"))
    bad("two-tags", cose(start=b"\xd2\xd2\x84"))
    bad("five", cose(start=b"\xd2\x85", tail=b"\0"))
    bad("trailing", cose(tail=b"\0"))
    bad("indefinite-list", cose(start=b"\xd2\x9f", tail=b"\xff"))
    bad("payload-null", cose(encode_payload=lambda b: b"\xf6"))
    bad("payload-text", cose(encode_payload=lambda b: cbor(b.decode())))
    bad("payload-indefinite", cose(encode_payload=lambda b: b"\x5f" + cbor(b) + b"\xff"))
    bad("payload-long-length", cose(encode_payload=lambda b: b"\x59\0" + bytes([len(b)]) + b))
    bad("payload-other-digest", cose(body={"targetArtifact": {**PAYLOAD["targetArtifact"], "digest": OTHER}}))
    bad("payload-other-size", cose(body={"targetArtifact": {**PAYLOAD["targetArtifact"], "size": 1}}))
    bad("other-root", cose(), notation("same-name"))
    bad("subject", cose(), notation(trusted=["x509.subject: C=US, ST=WA, O=else"]), "policy")
    bad("as-jws", {**cose(), "format": "notation-jws"})
    bad("jws-as-cose", {**jws(), "format": "notation-cose"})
    refused("notation-for-cosign", jws(), trust())
    refused("cosign-for-notation", legacy(), t)
    case("both-schemes", "accept", [legacy(), cose()], [trust(), t])
    refused("both-schemes-one-missing", [legacy()], [trust(), t])


for part in (cosign, thresholds, identities, bundles, jwss, chains, coses):
    part()
# Each byte of these is changed in turn.
FLIPPED = ("cosign-p256", "cosign-ed25519", "cosign-rsa2048", "bundle-p256", "bundle-tlog", "jws-p256", "jws-rsa2048", "cose-p256", "cose-timestamp-ignored",
           "chain-intermediate", "chain-self-signed-leaf")
for c in cases:
    if c["name"] in FLIPPED:
        c["flip"] = True
names = [c["name"] for c in cases]
assert len(names) == len(set(names)), [n for n in names if names.count(n) > 1]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases.json"), "w") as out:
    out.write('{"keys": ' + json.dumps(keys) + ',\n"cases": [\n' + ",\n".join(json.dumps(c) for c in cases) + "\n]}\n")
print(len(cases), "cases")
