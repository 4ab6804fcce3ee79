"""What boto3 does, for boto3.test.ts: one function a check, one line `ok NAME` or `not ok NAME: WHY` each.

Arguments: the node's HTTPS and HTTP addresses, its certificate, a directory to work in.
"""

import hashlib
import io
import os
import socket
import sys
import urllib.error
import urllib.request
import ssl

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

HTTPS, HTTP, CA, DIRECTORY = sys.argv[1:5]
KEY = hashlib.sha256(b'key').digest()
OTHER = hashlib.sha256(b'another key').digest()
SEALED = {'SSECustomerAlgorithm': 'AES256', 'SSECustomerKey': KEY}
RESEALED = {'SSECustomerAlgorithm': 'AES256', 'SSECustomerKey': OTHER}
SOURCE = {'CopySourceSSECustomerAlgorithm': 'AES256', 'CopySourceSSECustomerKey': KEY}
PART = 5 << 20


def client(endpoint=HTTPS, **config):
    return boto3.client(
        's3',
        endpoint_url=endpoint,
        verify=CA,
        config=Config(retries={'total_max_attempts': 1}, **config),
    )


S3 = client()


def content(size, word=b'content'):
    return hashlib.shake_256(word).digest(size)


def refusal(call, *args, **kwargs):
    """The status and the code of the error that `call` must raise."""
    try:
        call(*args, **kwargs)
    except ClientError as error:
        fields = error.response['Error']
        assert fields['Message'], 'an error has a message'
        return error.response['ResponseMetadata']['HTTPStatusCode'], fields['Code']
    raise AssertionError('not refused')


def body(answer):
    return answer['Body'].read()


class Unseekable(io.RawIOBase):
    """A stream of unknown length, as from a pipe."""

    def __init__(self, data):
        self.data = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self.data.readinto(buffer)


def transfers_of_every_size():
    config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
    for size in [0, 1, 65535, 65536, 65537, PART, PART + 1, 12 << 20]:
        for options in [{}, SEALED]:
            data = content(size)
            S3.upload_fileobj(io.BytesIO(data), 'bucket', 'sized', ExtraArgs=options, Config=config)
            into = io.BytesIO()
            S3.download_fileobj('bucket', 'sized', into, ExtraArgs=options, Config=config)
            assert into.getvalue() == data, size


def streams_of_unknown_length():
    data = content(11 << 20)
    S3.upload_fileobj(Unseekable(data), 'bucket', 'stream', ExtraArgs=SEALED)
    assert body(S3.get_object(Bucket='bucket', Key='stream', **SEALED)) == data


def checksums_of_every_algorithm():
    data = content(70_000)
    for algorithm in ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256']:
        for endpoint in [HTTPS, HTTP]:
            s3 = client(endpoint)
            place = {'Bucket': 'bucket', 'Key': f'sum-{algorithm}'}
            put = s3.put_object(Body=data, ChecksumAlgorithm=algorithm, **place)
            value = put[f'Checksum{algorithm}']
            got = s3.get_object(ChecksumMode='ENABLED', **place)
            assert body(got) == data
            assert got[f'Checksum{algorithm}'] == value, (got, value)
            # Trailing checksums come in aws-chunked bodies, which is no encoding of the object.
            assert 'ContentEncoding' not in got, got
            part = {'PartNumber': 1, 'UploadId': None}
            made = s3.create_multipart_upload(ChecksumAlgorithm=algorithm, **place, **SEALED)
            part['UploadId'] = made['UploadId']
            sent = s3.upload_part(
                Body=data, ChecksumAlgorithm=algorithm, **place, **part, **SEALED
            )
            field = f'Checksum{algorithm}'
            listed = {'PartNumber': 1, 'ETag': sent['ETag'], field: sent[field]}
            done = s3.complete_multipart_upload(
                UploadId=part['UploadId'], MultipartUpload={'Parts': [listed]}, **place, **keyed()
            )
            assert done[field], done
            assert body(s3.get_object(**place, **SEALED, ChecksumMode='ENABLED')) == data


def keyed():
    """CompleteMultipartUpload wants the key as it goes over the wire; boto3 does not encode it there."""
    import base64

    return {
        'SSECustomerAlgorithm': 'AES256',
        'SSECustomerKey': base64.b64encode(KEY).decode(),
        'SSECustomerKeyMD5': base64.b64encode(hashlib.md5(KEY).digest()).decode(),
    }


def wrong_keys_get_nothing():
    S3.put_object(Bucket='bucket', Key='locked', Body=b'secret', **SEALED)
    place = {'Bucket': 'bucket', 'Key': 'locked'}
    assert refusal(S3.get_object, **place) == (400, 'InvalidRequest')
    assert refusal(S3.get_object, **place, **RESEALED) == (403, 'AccessDenied')
    assert refusal(S3.head_object, **place) == (400, '400')
    assert refusal(S3.head_object, **place, **RESEALED) == (403, '403')
    short = {'SSECustomerAlgorithm': 'AES256', 'SSECustomerKey': b'short'}
    assert refusal(S3.put_object, **place, Body=b'', **short) == (400, 'InvalidArgument')
    assert body(S3.get_object(**place, **SEALED)) == b'secret'


def keys_rotate_by_copy():
    S3.put_object(Bucket='bucket', Key='rotated', Body=content(70_000), Metadata={'a': 'b'}, **SEALED)
    place = {'Bucket': 'bucket', 'Key': 'rotated'}
    S3.copy_object(CopySource=place, **place, **SOURCE, **RESEALED)
    assert refusal(S3.get_object, **place, **SEALED) == (403, 'AccessDenied')
    got = S3.get_object(**place, **RESEALED)
    assert got['Metadata'] == {'a': 'b'}
    assert body(got) == content(70_000)


def copies_by_parts():
    data = content(12 << 20)
    S3.upload_fileobj(io.BytesIO(data), 'bucket', 'big', ExtraArgs=SEALED)
    config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
    S3.copy(
        {'Bucket': 'bucket', 'Key': 'big'},
        'bucket',
        'big copy',
        ExtraArgs={**SOURCE, **RESEALED},
        Config=config,
        # The source is asked for its size first, with the source's key.
        SourceClient=S3,
    )
    assert body(S3.get_object(Bucket='bucket', Key='big copy', **RESEALED)) == data


def conditions_hold():
    place = {'Bucket': 'bucket', 'Key': 'conditional'}
    etag = S3.put_object(**place, Body=b'1', IfNoneMatch='*')['ETag']
    assert etag == f'"{hashlib.md5(b"1").hexdigest()}"'
    assert refusal(S3.put_object, **place, Body=b'2', IfNoneMatch='*') == (412, 'PreconditionFailed')
    assert refusal(S3.put_object, **place, Body=b'2', IfMatch='"0"') == (412, 'PreconditionFailed')
    S3.put_object(**place, Body=b'2', IfMatch=etag)
    assert refusal(S3.get_object, **place, IfMatch=etag) == (412, 'PreconditionFailed')
    now = S3.head_object(**place)
    assert refusal(S3.get_object, **place, IfNoneMatch=now['ETag'])[0] == 304
    assert body(S3.get_object(**place)) == b'2'


def listings_page():
    names = [f'list/{number:03}' for number in range(25)] + ['list/a b+c&d/e', 'list/ü']
    for name in names:
        S3.put_object(Bucket='bucket', Key=name, Body=b'x')
    for operation in ['list_objects', 'list_objects_v2']:
        pages = S3.get_paginator(operation).paginate(
            Bucket='bucket', Prefix='list/', PaginationConfig={'PageSize': 7}
        )
        found = [entry['Key'] for page in pages for entry in page['Contents']]
        assert found == names, (operation, found)
    resource = boto3.resource('s3', endpoint_url=HTTPS, verify=CA)
    bucket = resource.Bucket('bucket')
    assert [entry.key for entry in bucket.objects.filter(Prefix='list/')] == names
    bucket.objects.filter(Prefix='list/').delete()
    assert list(bucket.objects.filter(Prefix='list/')) == []


def errors_have_their_classes():
    try:
        S3.get_object(Bucket='bucket', Key='absent')
        raise AssertionError('found')
    except S3.exceptions.NoSuchKey:
        pass
    try:
        S3.list_objects_v2(Bucket='absent-bucket')
        raise AssertionError('found')
    except S3.exceptions.NoSuchBucket:
        pass
    assert refusal(S3.head_bucket, Bucket='absent-bucket') == (404, '404')
    assert refusal(S3.delete_bucket, Bucket='bucket') == (409, 'BucketNotEmpty')
    tags = {'TagSet': [{'Key': 'a', 'Value': 'b'}]}
    put = S3.put_bucket_tagging
    assert refusal(put, Bucket='bucket', Tagging=tags) == (501, 'NotImplemented')
    assert refusal(S3.get_bucket_tagging, Bucket='bucket') == (404, 'NoSuchTagSet')
    stranger = boto3.client(
        's3',
        endpoint_url=HTTPS,
        verify=CA,
        aws_access_key_id='other:other',
        aws_secret_access_key='testing2',
    )
    assert refusal(stranger.get_object, Bucket='bucket', Key='x') == (403, 'AccessDenied')
    try:
        stranger.create_bucket(Bucket='bucket')
        raise AssertionError('created')
    except stranger.exceptions.BucketAlreadyExists:
        pass


def fetch(url, headers=None):
    """Status and body, without any signature beside the URL's."""
    trust = ssl.create_default_context(cafile=CA)
    request = urllib.request.Request(url, headers=headers or {})
    try:
        with urllib.request.urlopen(request, context=trust) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def presigned_urls_of_both_kinds():
    S3.put_object(Bucket='bucket', Key='pre signed', Body=b'secret', **SEALED)
    S3.put_object(Bucket='bucket', Key='open', Body=b'plain')
    headers = {
        'x-amz-server-side-encryption-customer-algorithm': 'AES256',
        'x-amz-server-side-encryption-customer-key': keyed()['SSECustomerKey'],
        'x-amz-server-side-encryption-customer-key-MD5': keyed()['SSECustomerKeyMD5'],
    }
    for version in ['s3', 's3v4']:
        s3 = client(signature_version=version)
        plain = s3.generate_presigned_url('get_object', Params={'Bucket': 'bucket', 'Key': 'open'})
        assert fetch(plain) == (200, b'plain'), version
        assert fetch(plain + '0')[0] == 403, version
        unsigned = s3.generate_presigned_url(
            'get_object', Params={'Bucket': 'bucket', 'Key': 'pre signed'}
        )
        assert fetch(unsigned, headers) == (200, b'secret'), version
        assert fetch(unsigned)[0] == 400, version
        signed = s3.generate_presigned_url(
            'get_object', Params={'Bucket': 'bucket', 'Key': 'pre signed', **SEALED}
        )
        assert fetch(signed, headers) == (200, b'secret'), version
    v2 = client(signature_version='s3')
    assert body(v2.get_object(Bucket='bucket', Key='open')) == b'plain'
    assert [entry['Name'] for entry in v2.list_buckets()['Buckets']] == ['bucket']


def buckets_in_the_host_name():
    resolve = socket.getaddrinfo

    def loopback(host, *args, **kwargs):
        name = '127.0.0.1' if str(host).endswith('.localhost') else host
        return resolve(name, *args, **kwargs)

    socket.getaddrinfo = loopback
    s3 = client(HTTP.replace('127.0.0.1', 'localhost'), s3={'addressing_style': 'virtual'})
    hosts = []
    s3.meta.events.register('before-send.s3', lambda request, **_: hosts.append(request.url))
    s3.put_object(Bucket='bucket', Key='virtual/ü', Body=b'hosted')
    assert '//bucket.localhost:' in hosts[0], hosts
    assert body(s3.get_object(Bucket='bucket', Key='virtual/ü')) == b'hosted'
    assert s3.list_objects_v2(Bucket='bucket', Prefix='virtual/')['KeyCount'] == 1
    assert body(S3.get_object(Bucket='bucket', Key='virtual/ü')) == b'hosted', 'by path too'


def attributes_and_files():
    path = os.path.join(DIRECTORY, 'boto3.bin')
    with open(path, 'wb') as file:
        file.write(content(300_000))
    S3.upload_file(path, 'bucket', 'file', ExtraArgs={**SEALED, 'ContentType': 'text/x-test'})
    S3.download_file('bucket', 'file', path + '.back', ExtraArgs=SEALED)
    with open(path + '.back', 'rb') as file:
        assert file.read() == content(300_000)
    answer = S3.get_object_attributes(
        Bucket='bucket', Key='file', ObjectAttributes=['ObjectSize', 'Checksum'], **keyed()
    )
    assert answer['ObjectSize'] == 300_000
    head = S3.head_object(Bucket='bucket', Key='file', **SEALED)
    assert head['ContentType'] == 'text/x-test'
    ranged = S3.get_object(Bucket='bucket', Key='file', Range='bytes=-5', **SEALED)
    assert body(ranged) == content(300_000)[-5:]


CHECKS = [
    transfers_of_every_size,
    streams_of_unknown_length,
    checksums_of_every_algorithm,
    wrong_keys_get_nothing,
    keys_rotate_by_copy,
    copies_by_parts,
    conditions_hold,
    listings_page,
    errors_have_their_classes,
    presigned_urls_of_both_kinds,
    buckets_in_the_host_name,
    attributes_and_files,
]

if __name__ == '__main__':
    S3.create_bucket(Bucket='bucket')
    for check in CHECKS:
        name = check.__name__.replace('_', ' ')
        try:
            check()
            print(f'ok {name}')
        except Exception as error:  # every check is told of, whatever went wrong in it
            line = error.__traceback__
            while line.tb_next is not None:
                line = line.tb_next
            place = f'{os.path.basename(line.tb_frame.f_code.co_filename)}:{line.tb_lineno}'
            print(f'not ok {name}: {type(error).__name__} at {place}: {error}')
