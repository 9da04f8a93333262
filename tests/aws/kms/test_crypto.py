"""What keys compute, checked outside with the `cryptography` package."""

import base64
import hashlib
import hmac
import pathlib

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from harness import aws_error, covers

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


@pytest.fixture
def kms(client):
    return client("kms")


@pytest.fixture
def new_key(kms):
    def make(spec="SYMMETRIC_DEFAULT", usage="ENCRYPT_DECRYPT"):
        return kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]

    return make


def public_key(kms, key):
    return serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])


# --- symmetric ---


@covers("kms", "Encrypt")
@covers("kms", "Decrypt")
def test_what_is_encrypted_is_decrypted(kms, new_key):
    key = new_key()
    sealed = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext={"a": "1", "b": "2"})
    assert sealed["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"],
                         EncryptionContext={"b": "2", "a": "1"})
    assert opened["Plaintext"] == b"secret"
    assert opened["KeyId"] == sealed["KeyId"]
    described = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert opened["KeyMaterialId"] == described["CurrentKeyMaterialId"]


@covers("kms", "Decrypt", error=["InvalidCiphertextException", "IncorrectKeyException"])
def test_what_does_not_open(kms, new_key):
    key, other = new_key(), new_key()
    blob = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"a": "1"})["CiphertextBlob"]
    broken = blob[:-1] + bytes([blob[-1] ^ 1])
    for text, context in ((blob, {}), (blob, {"a": "2"}), (broken, {"a": "1"}), (b"junk", {})):
        with aws_error("InvalidCiphertextException", http_status=400):
            kms.decrypt(CiphertextBlob=text, EncryptionContext=context)
    with aws_error("IncorrectKeyException", http_status=400,
                   message="The key ID in the request does not identify a CMK that can perform "
                   "this operation."):
        kms.decrypt(CiphertextBlob=blob, KeyId=other, EncryptionContext={"a": "1"})


@covers("kms", "Encrypt", error="InvalidKeyUsageException")
def test_a_key_for_something_else(kms, new_key):
    key = new_key("HMAC_256", "GENERATE_VERIFY_MAC")
    arn = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    with aws_error("InvalidKeyUsageException", http_status=400,
                   message=f"{arn} key usage is GENERATE_VERIFY_MAC which is not valid for "
                   "Encrypt."):
        kms.encrypt(KeyId=key, Plaintext=b"x")


@covers("kms", "Encrypt", error="DryRunOperationException")
def test_a_dry_run(kms, new_key):
    with aws_error("DryRunOperationException", http_status=400,
                   message="The request would have succeeded, but the DryRun option is set."):
        kms.encrypt(KeyId=new_key(), Plaintext=b"x", DryRun=True)


@covers("kms", "ReEncrypt")
def test_reencryption_changes_key_and_context(kms, new_key):
    one, two = new_key(), new_key()
    blob = kms.encrypt(KeyId=one, Plaintext=b"x", EncryptionContext={"a": "1"})["CiphertextBlob"]
    done = kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext={"a": "1"},
                          DestinationKeyId=two, DestinationEncryptionContext={"b": "2"})
    assert done["SourceKeyId"].endswith(one)
    assert done["KeyId"].endswith(two)
    opened = kms.decrypt(CiphertextBlob=done["CiphertextBlob"], EncryptionContext={"b": "2"})
    assert opened["Plaintext"] == b"x"


@covers("kms", "ReEncrypt", error="InvalidCiphertextException")
def test_reencryption_of_junk(kms, new_key):
    with aws_error("InvalidCiphertextException"):
        kms.re_encrypt(CiphertextBlob=b"junk", DestinationKeyId=new_key())


@covers("kms", "GenerateDataKey")
@covers("kms", "GenerateDataKeyWithoutPlaintext")
@pytest.mark.parametrize(("wish", "size"), [({"KeySpec": "AES_256"}, 32),
                                            ({"KeySpec": "AES_128"}, 16),
                                            ({"NumberOfBytes": 64}, 64)])
def test_data_keys(kms, new_key, wish, size):
    key = new_key()
    made = kms.generate_data_key(KeyId=key, EncryptionContext={"a": "1"}, **wish)
    assert len(made["Plaintext"]) == size
    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"a": "1"})
    assert opened["Plaintext"] == made["Plaintext"]
    bare = kms.generate_data_key_without_plaintext(KeyId=key, **wish)
    assert "Plaintext" not in bare
    assert len(kms.decrypt(CiphertextBlob=bare["CiphertextBlob"])["Plaintext"]) == size


@covers("kms", "GenerateDataKey", error="ValidationException")
def test_a_data_key_has_one_size(kms, new_key):
    key = new_key()
    for wish in ({}, {"KeySpec": "AES_256", "NumberOfBytes": 32}):
        with aws_error("ValidationException",
                       message="Please specify either number of bytes or key spec."):
            kms.generate_data_key(KeyId=key, **wish)


@covers("kms", "GenerateDataKeyPair")
@covers("kms", "GenerateDataKeyPairWithoutPlaintext")
@pytest.mark.parametrize("spec", ["RSA_2048", "ECC_NIST_P256", "ECC_SECG_P256K1",
                                  "ECC_NIST_EDWARDS25519"])
def test_data_key_pairs(kms, new_key, spec):
    key = new_key()
    made = kms.generate_data_key_pair(KeyId=key, KeyPairSpec=spec)
    private = serialization.load_der_private_key(made["PrivateKeyPlaintext"], None)
    public = private.public_key().public_bytes(serialization.Encoding.DER,
                                               serialization.PublicFormat.SubjectPublicKeyInfo)
    assert public == made["PublicKey"]
    opened = kms.decrypt(CiphertextBlob=made["PrivateKeyCiphertextBlob"])
    assert opened["Plaintext"] == made["PrivateKeyPlaintext"]
    bare = kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec=spec)
    assert bare["PublicKey"] != made["PublicKey"]


@covers("kms", "GenerateRandom")
def test_random_bytes(kms):
    one = kms.generate_random(NumberOfBytes=32)["Plaintext"]
    assert len(one) == 32
    assert one != kms.generate_random(NumberOfBytes=32)["Plaintext"]


@covers("kms", "GenerateRandom", error="ValidationException")
def test_random_bytes_need_a_number(kms):
    with aws_error("ValidationException"):
        kms.generate_random()


# --- RSA encryption ---


@covers("kms", "Encrypt")
@covers("kms", "Decrypt")
@pytest.mark.parametrize(("algorithm", "digest"), [("RSAES_OAEP_SHA_1", hashes.SHA1()),
                                                   ("RSAES_OAEP_SHA_256", hashes.SHA256())])
def test_rsa_opens_what_others_sealed(kms, new_key, algorithm, digest):
    key = new_key("RSA_2048")
    sealed = public_key(kms, key).encrypt(
        b"from outside", padding.OAEP(padding.MGF1(digest), digest, None))
    opened = kms.decrypt(KeyId=key, CiphertextBlob=sealed, EncryptionAlgorithm=algorithm)
    assert opened["Plaintext"] == b"from outside"
    blob = kms.encrypt(KeyId=key, Plaintext=b"inside", EncryptionAlgorithm=algorithm)
    opened = kms.decrypt(KeyId=key, CiphertextBlob=blob["CiphertextBlob"],
                         EncryptionAlgorithm=algorithm)
    assert opened["Plaintext"] == b"inside"


@covers("kms", "Encrypt", error="ValidationException")
def test_rsa_has_little_room(kms, new_key):
    key = new_key("RSA_2048")
    with aws_error("ValidationException",
                   message="Algorithm RSAES_OAEP_SHA_256 and key spec RSA_2048 cannot encrypt data "
                   "larger than 190 bytes."):
        kms.encrypt(KeyId=key, Plaintext=b"x" * 191, EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    with aws_error("InvalidKeyUsageException",
                   message="Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048."):
        kms.encrypt(KeyId=key, Plaintext=b"x")


# --- signatures ---


@covers("kms", "Sign")
@covers("kms", "Verify")
@covers("kms", "GetPublicKey")
@pytest.mark.parametrize("spec", ["RSA_2048", "RSA_3072", "RSA_4096"])
def test_rsa_signatures_verify_outside(kms, new_key, spec):
    key = new_key(spec, "SIGN_VERIFY")
    outside = public_key(kms, key)
    assert isinstance(outside, rsa.RSAPublicKey)
    assert outside.key_size == int(spec[-4:])
    for algorithm in kms.get_public_key(KeyId=key)["SigningAlgorithms"]:
        digest = HASHES[algorithm[-3:]]
        scheme = padding.PKCS1v15()
        if "PSS" in algorithm:
            scheme = padding.PSS(padding.MGF1(digest), digest.digest_size)
        signed = kms.sign(KeyId=key, Message=b"hello", SigningAlgorithm=algorithm)
        outside.verify(signed["Signature"], b"hello", scheme, digest)
        verified = kms.verify(KeyId=key, Message=b"hello", Signature=signed["Signature"],
                              SigningAlgorithm=algorithm)
        assert verified["SignatureValid"] is True


@covers("kms", "Sign")
@covers("kms", "Verify")
@pytest.mark.parametrize(("spec", "curve", "bits"), [
    ("ECC_NIST_P256", "secp256r1", "256"), ("ECC_NIST_P384", "secp384r1", "384"),
    ("ECC_NIST_P521", "secp521r1", "512"), ("ECC_SECG_P256K1", "secp256k1", "256")])
def test_ecdsa_signatures_verify_outside(kms, new_key, spec, curve, bits):
    key = new_key(spec, "SIGN_VERIFY")
    outside = public_key(kms, key)
    assert outside.curve.name == curve
    algorithm = f"ECDSA_SHA_{bits}"
    digest = hashlib.new(f"sha{bits}", b"hello").digest()
    signed = kms.sign(KeyId=key, Message=digest, MessageType="DIGEST", SigningAlgorithm=algorithm)
    outside.verify(signed["Signature"], b"hello", ec.ECDSA(HASHES[bits]))
    outside.verify(signed["Signature"], digest, ec.ECDSA(utils.Prehashed(HASHES[bits])))
    kms.verify(KeyId=key, Message=b"hello", Signature=signed["Signature"],
               SigningAlgorithm=algorithm)


@covers("kms", "Sign")
def test_ed25519_signatures_verify_outside(kms, new_key):
    key = new_key("ECC_NIST_EDWARDS25519", "SIGN_VERIFY")
    outside = public_key(kms, key)
    assert isinstance(outside, ed25519.Ed25519PublicKey)
    signed = kms.sign(KeyId=key, Message=b"hello", SigningAlgorithm="ED25519_SHA_512")
    outside.verify(signed["Signature"], b"hello")


@covers("kms", "Verify", error="KMSInvalidSignatureException")
@covers("kms", "Sign", error=["ValidationException", "InvalidKeyUsageException"])
def test_signatures_that_are_wrong(kms, new_key):
    key = new_key("ECC_NIST_P256", "SIGN_VERIFY")
    signed = kms.sign(KeyId=key, Message=b"hello", SigningAlgorithm="ECDSA_SHA_256")
    with aws_error("KMSInvalidSignatureException", http_status=400):
        kms.verify(KeyId=key, Message=b"bye", Signature=signed["Signature"],
                   SigningAlgorithm="ECDSA_SHA_256")
    with aws_error("ValidationException",
                   message="Digest is invalid length for algorithm ECDSA_SHA_256."):
        kms.sign(KeyId=key, Message=b"short", MessageType="DIGEST",
                 SigningAlgorithm="ECDSA_SHA_256")
    with aws_error("InvalidKeyUsageException",
                   message="Algorithm ECDSA_SHA_384 is incompatible with key spec ECC_NIST_P256."):
        kms.sign(KeyId=key, Message=b"x", SigningAlgorithm="ECDSA_SHA_384")


@covers("kms", "GetPublicKey", error="UnsupportedOperationException")
def test_a_symmetric_key_has_no_public_part(kms, new_key):
    with aws_error("UnsupportedOperationException", http_status=400):
        kms.get_public_key(KeyId=new_key())


# --- MACs and key agreement ---


@covers("kms", "GenerateMac")
@covers("kms", "VerifyMac")
@pytest.mark.parametrize("bits", [224, 256, 384, 512])
def test_macs(kms, new_key, bits):
    key = new_key(f"HMAC_{bits}", "GENERATE_VERIFY_MAC")
    made = kms.generate_mac(KeyId=key, Message=b"hello", MacAlgorithm=f"HMAC_SHA_{bits}")
    assert len(made["Mac"]) == bits // 8
    assert kms.verify_mac(KeyId=key, Message=b"hello", MacAlgorithm=f"HMAC_SHA_{bits}",
                          Mac=made["Mac"])["MacValid"] is True


@covers("kms", "VerifyMac", error="KMSInvalidMacException")
def test_a_wrong_mac(kms, new_key):
    key = new_key("HMAC_256", "GENERATE_VERIFY_MAC")
    with aws_error("KMSInvalidMacException", http_status=400):
        kms.verify_mac(KeyId=key, Message=b"x", MacAlgorithm="HMAC_SHA_256", Mac=b"y" * 32)


@covers("kms", "GenerateMac", error="InvalidKeyUsageException")
def test_a_mac_of_another_length(kms, new_key):
    key = new_key("HMAC_256", "GENERATE_VERIFY_MAC")
    with aws_error("InvalidKeyUsageException",
                   message="Algorithm HMAC_SHA_512 is incompatible with key spec HMAC_256."):
        kms.generate_mac(KeyId=key, Message=b"x", MacAlgorithm="HMAC_SHA_512")


@covers("kms", "DeriveSharedSecret")
@pytest.mark.parametrize(("spec", "curve"), [("ECC_NIST_P256", ec.SECP256R1()),
                                             ("ECC_NIST_P521", ec.SECP521R1())])
def test_both_sides_derive_the_same_secret(kms, new_key, spec, curve):
    key = new_key(spec, "KEY_AGREEMENT")
    mine = ec.generate_private_key(curve)
    public = mine.public_key().public_bytes(serialization.Encoding.DER,
                                            serialization.PublicFormat.SubjectPublicKeyInfo)
    derived = kms.derive_shared_secret(KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=public)
    assert derived["SharedSecret"] == mine.exchange(ec.ECDH(), public_key(kms, key))


@covers("kms", "DeriveSharedSecret", error="ValidationException")
def test_a_point_of_another_curve(kms, new_key):
    key = new_key("ECC_NIST_P256", "KEY_AGREEMENT")
    public = ec.generate_private_key(ec.SECP384R1()).public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    with aws_error("ValidationException"):
        kms.derive_shared_secret(KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=public)


# --- imported material ---


def wrap(parameters, material):
    wrapping = serialization.load_der_public_key(parameters["PublicKey"])
    return wrapping.encrypt(material, padding.OAEP(padding.MGF1(hashes.SHA256()),
                                                   hashes.SHA256(), None))


def import_material(kms, key, material, **more):
    parameters = kms.get_parameters_for_import(
        KeyId=key, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")
    more.setdefault("ExpirationModel", "KEY_MATERIAL_DOES_NOT_EXPIRE")
    return kms.import_key_material(KeyId=key, ImportToken=parameters["ImportToken"],
                                   EncryptedKeyMaterial=wrap(parameters, material), **more)


@pytest.fixture
def external(kms):
    made = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]
    assert made["KeyState"] == "PendingImport"
    return made["KeyId"]


@covers("kms", "GetParametersForImport")
@covers("kms", "ImportKeyMaterial")
@covers("kms", "DeleteImportedKeyMaterial")
def test_material_is_imported_deleted_and_imported_again(kms, external):
    import_material(kms, external, b"k" * 32)
    assert kms.describe_key(KeyId=external)["KeyMetadata"]["KeyState"] == "Enabled"
    blob = kms.encrypt(KeyId=external, Plaintext=b"x")["CiphertextBlob"]
    kms.delete_imported_key_material(KeyId=external)
    with aws_error("KMSInvalidStateException", match="is pending import.$"):
        kms.decrypt(CiphertextBlob=blob)
    with aws_error("IncorrectKeyMaterialException", http_status=400):
        import_material(kms, external, b"z" * 32)
    import_material(kms, external, b"k" * 32)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


@covers("kms", "ImportKeyMaterial")
def test_an_imported_mac_key_is_that_key(kms):
    key = kms.create_key(Origin="EXTERNAL", KeySpec="HMAC_256",
                         KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    import_material(kms, key, b"k" * 32)
    made = kms.generate_mac(KeyId=key, Message=b"hello", MacAlgorithm="HMAC_SHA_256")["Mac"]
    assert made == hmac.digest(b"k" * 32, b"hello", "sha256")


@covers("kms", "ImportKeyMaterial")
@pytest.mark.parametrize("digest", ["1", "256"])
def test_an_rsa_key_is_imported_under_an_aes_key(kms, digest):
    from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding

    mine = rsa.generate_private_key(65537, 2048)
    der = mine.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())
    key = kms.create_key(Origin="EXTERNAL", KeySpec="RSA_2048",
                         KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    parameters = kms.get_parameters_for_import(
        KeyId=key, WrappingAlgorithm=f"RSA_AES_KEY_WRAP_SHA_{digest}", WrappingKeySpec="RSA_2048")
    kind = hashes.SHA1() if digest == "1" else hashes.SHA256()
    wrapping = serialization.load_der_public_key(parameters["PublicKey"])
    sealed = wrapping.encrypt(b"a" * 32, padding.OAEP(padding.MGF1(kind), kind, None))
    sealed += aes_key_wrap_with_padding(b"a" * 32, der)
    kms.import_key_material(KeyId=key, ImportToken=parameters["ImportToken"],
                            EncryptedKeyMaterial=sealed,
                            ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE")
    assert public_key(kms, key).public_numbers() == mine.public_key().public_numbers()


@covers("kms", "ImportKeyMaterial", error=["InvalidCiphertextException",
                                           "InvalidImportTokenException", "ValidationException"])
def test_imports_that_are_wrong(kms, external):
    with aws_error("InvalidCiphertextException"):
        import_material(kms, external, b"short")
    with aws_error("InvalidImportTokenException"):
        kms.import_key_material(KeyId=external, ImportToken=b"token", EncryptedKeyMaterial=b"x",
                                ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE")
    with aws_error("ValidationException",
                   message="A validTo date must be set if the ExpirationModel is "
                   "KEY_MATERIAL_EXPIRES"):
        import_material(kms, external, b"k" * 32, ExpirationModel="KEY_MATERIAL_EXPIRES")


@covers("kms", "GetParametersForImport", error="UnsupportedOperationException")
def test_a_key_of_kms_takes_no_material(kms, new_key):
    with aws_error("UnsupportedOperationException",
                   match="origin is AWS_KMS which is not valid for this operation.$"):
        kms.get_parameters_for_import(KeyId=new_key(), WrappingAlgorithm="RSAES_OAEP_SHA_256",
                                      WrappingKeySpec="RSA_2048")


# --- RSA keys are made beside the requests ---


def test_many_rsa_keys_at_once_hold_nobody_up(kms):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        keys = [pool.submit(kms.create_key, KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
                for _ in range(8)]
        assert len(kms.generate_random(NumberOfBytes=8)["Plaintext"]) == 8
        made = [key.result()["KeyMetadata"]["KeyId"] for key in keys]
    parts = {kms.get_public_key(KeyId=key)["PublicKey"] for key in made}
    assert len(parts) == 8, "no two keys are the same"


def test_keys_survive_a_restart_and_lie_sealed_in_the_store(client, new_server):
    server = new_server(is_stored=True)
    kms = client("kms", server=server)
    key = kms.create_key(Origin="EXTERNAL", KeySpec="HMAC_256",
                         KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    material = b"never in the clear: 32 bytes key"
    import_material(kms, key, material)
    symmetric = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=symmetric, Plaintext=b"x")["CiphertextBlob"]
    server.stop()
    for path in pathlib.Path(server.data_dir).rglob("*"):
        assert not path.is_file() or material not in path.read_bytes()
    server.start()
    kms = client("kms", server=server)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


@covers("kms", "Encrypt")
@covers("kms", "Decrypt")
def test_the_aws_cli(aws, new_key, tmp_path):
    sealed = aws("kms", "encrypt", "--key-id", new_key(), "--plaintext", "hello").json
    blob = tmp_path / "blob"
    blob.write_bytes(base64.b64decode(sealed["CiphertextBlob"]))
    opened = aws("kms", "decrypt", "--ciphertext-blob", f"fileb://{blob}").json
    assert base64.b64decode(opened["Plaintext"]) == b"hello"
