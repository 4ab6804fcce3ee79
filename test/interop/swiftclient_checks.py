"""What swiftclient's library does, for swiftclient-api.test.ts: one function a check, one line `ok NAME` or
`not ok NAME: WHY` each.

Arguments: the node's HTTPS and HTTP addresses, its certificate, a directory to work in.
"""

import base64
import hashlib
import io
import os
import sys

from swiftclient import Connection
from swiftclient.exceptions import ClientException
from swiftclient.service import SwiftService, SwiftUploadObject

HTTPS, HTTP, CA, DIRECTORY = sys.argv[1:5]
KEY = hashlib.sha256(b'key').digest()
OTHER = hashlib.sha256(b'another key').digest()
PART = 5 << 20
SIZES = [0, 1, 8191, 8192, 8193, 65535, 65536, 65537, PART - 1, PART, PART + 1]


def keyed(key, prefix='X-Object-Encryption-Customer-'):
    return {prefix + 'Algorithm': 'AES256', prefix + 'Key': base64.b64encode(key).decode()}


SEALED = keyed(KEY)
RESEALED = keyed(OTHER)
SOURCE = keyed(KEY, 'X-Copy-Source-Object-Encryption-Customer-')
AMZ = keyed(KEY, 'x-amz-server-side-encryption-customer-')
GUIDES = keyed(KEY, 'X-Object-Meta-Encryption-')


def connect(endpoint=HTTPS, user='test:tester', key='testing'):
    return Connection(endpoint + '/auth/v1.0', user, key, auth_version='1', cacert=CA, retries=0)


SWIFT = connect()


def content(size, word=b'content'):
    return hashlib.shake_256(word).digest(size)


def md5(data):
    return hashlib.md5(data).hexdigest()


def refusal(call, *args, **kwargs):
    """The status of the error that `call` must raise."""
    try:
        call(*args, **kwargs)
    except ClientException as error:
        assert error.http_response_content is not None, 'an error has a body'
        return error.http_status
    raise AssertionError('not refused')


def get(name, headers=None, **kwargs):
    return SWIFT.get_object('c', name, headers=headers, **kwargs)[1]


def objects_of_every_size():
    for endpoint in [HTTPS, HTTP]:
        swift = connect(endpoint)
        for size in SIZES:
            for headers in [{}, SEALED, AMZ, GUIDES]:
                data = content(size)
                etag = swift.put_object('c', 'sized', data, headers=dict(headers))
                assert etag == md5(data), (size, etag)
                found, got = swift.get_object('c', 'sized', headers=dict(headers))
                assert got == data, size
                assert found['etag'] == md5(data), found
                assert int(found['content-length']) == size
                sealed = 'x-object-encryption-customer-algorithm' in found
                assert sealed == bool(headers), found
                head = swift.head_object('c', 'sized')
                assert int(head['content-length']) == size, head
                assert ('x-static-large-object' in head) == bool(headers), head


def bodies_of_unknown_length():
    for size in [0, 1, 65536, 65537, PART + 1]:
        for headers in [{}, SEALED]:
            data = content(size, b'stream')
            etag = SWIFT.put_object('c', 'stream', io.BytesIO(data), headers=dict(headers), chunk_size=9999)
            assert etag == md5(data)
            assert get('stream', headers) == data, size
    parts = (content(7, bytes([i])) for i in range(50))
    SWIFT.put_object('c', 'stream', parts)
    assert get('stream') == b''.join(content(7, bytes([i])) for i in range(50))


def bodies_come_in_pieces():
    data = content(1 << 20)
    SWIFT.put_object('c', 'pieces', data, headers=dict(SEALED))
    body = get('pieces', SEALED, resp_chunk_size=10_000)
    assert b''.join(body) == data


def a_wrong_etag_stores_nothing():
    SWIFT.put_object('c', 'checked', b'before')
    for headers in [{}, SEALED]:
        assert refusal(SWIFT.put_object, 'c', 'checked', b'after', etag=md5(b'x'), headers=dict(headers)) == 422
        assert get('checked') == b'before'
        SWIFT.put_object('c', 'checked 2', b'after', etag=md5(b'after'), headers=dict(headers))


def ranges_at_the_edges_of_records():
    data = content(200_000)
    for headers in [{}, SEALED]:
        SWIFT.put_object('c', 'ranged', data, headers=dict(headers))
        for first, last in [(0, 0), (65535, 65536), (65536, 131071), (131072, 199_999), (199_999, 300_000)]:
            ranged = dict(headers, Range='bytes=%d-%d' % (first, last))
            found, got = SWIFT.get_object('c', 'ranged', headers=ranged)
            assert got == data[first : last + 1], (first, last)
            end = min(last, 199_999)
            assert found['content-range'] == 'bytes %d-%d/200000' % (first, end), found
        several = dict(headers, Range='bytes=0-1,65535-65536,-1')
        found, got = SWIFT.get_object('c', 'ranged', headers=several)
        assert found['content-type'].startswith('multipart/byteranges;boundary='), found
        for piece in [data[0:2], data[65535:65537], data[-1:]]:
            assert b'\r\n\r\n' + piece + b'\r\n' in got
        assert int(found['content-length']) == len(got)
        assert refusal(SWIFT.get_object, 'c', 'ranged', headers=dict(headers, Range='bytes=200000-')) == 416


def wrong_keys_get_nothing():
    for spelling in [SEALED, AMZ, GUIDES]:
        SWIFT.put_object('c', 'locked', b'secret', headers=dict(spelling))
        assert refusal(get, 'locked') == 400
        for wrong in [RESEALED, keyed(OTHER, 'X-Object-Meta-Encryption-')]:
            assert refusal(get, 'locked', wrong) == 403
            assert refusal(SWIFT.head_object, 'c', 'locked', headers=wrong) == 403
            assert refusal(SWIFT.post_object, 'c', 'locked', dict(wrong, **{'X-Object-Meta-A': 'b'})) == 403
        for right in [SEALED, AMZ, GUIDES]:
            assert get('locked', right) == b'secret'
        head = SWIFT.head_object('c', 'locked')
        assert not [name for name in head if name.startswith('x-object-meta-')], head
    bad = dict(SEALED, **{'X-Object-Encryption-Customer-Key': 'c2hvcnQ='})
    assert refusal(SWIFT.put_object, 'c', 'locked', b'', headers=bad) == 400
    bad = dict(SEALED, **{'X-Object-Encryption-Customer-Algorithm': 'AES128'})
    assert refusal(SWIFT.put_object, 'c', 'locked', b'', headers=bad) == 400
    bad = dict(SEALED, **keyed(OTHER, 'X-Object-Meta-Encryption-'))
    assert refusal(SWIFT.put_object, 'c', 'locked', b'', headers=bad) == 400
    assert get('locked', SEALED) == b'secret'


def keys_rotate_by_copy():
    data = content(70_000)
    SWIFT.put_object('c', 'rotated', data, headers=dict(SEALED, **{'X-Object-Meta-A': 'b'}))
    SWIFT.copy_object('c', 'rotated', '/c/rotated', headers=dict(SOURCE, **RESEALED))
    assert refusal(get, 'rotated', SEALED) == 403
    found, got = SWIFT.get_object('c', 'rotated', headers=dict(RESEALED))
    assert got == data
    assert found['x-object-meta-a'] == 'b', found
    assert found['etag'] == md5(data), found


def copies_take_metadata_along():
    SWIFT.put_object('c', 'from', b'copied', headers={'X-Object-Meta-A': '1', 'X-Object-Meta-B': '2'})
    answer = {}
    SWIFT.copy_object('c', 'from', '/c/to', headers={'X-Object-Meta-B': '3'}, response_dict=answer)
    assert answer['status'] == 201, answer
    assert answer['headers']['x-copied-from'] == 'c/from', answer
    head = SWIFT.head_object('c', 'to')
    assert (head['x-object-meta-a'], head['x-object-meta-b']) == ('1', '3'), head
    SWIFT.copy_object('c', 'from', '/c/to', fresh_metadata=True)
    assert 'x-object-meta-a' not in SWIFT.head_object('c', 'to')
    assert refusal(SWIFT.copy_object, 'c', 'absent', '/c/to') == 404
    assert refusal(SWIFT.copy_object, 'c', 'from', '/absent/to') == 404


def listings_page():
    names = ['list/%03d' % number for number in range(25)] + ['list/a b+c&d/e', 'list/ü', 'list/🗝']
    for name in names:
        SWIFT.put_object('c', name, b'x')
    for options in [{'full_listing': True, 'limit': 7}, {}]:
        found = [entry['name'] for entry in SWIFT.get_container('c', prefix='list/', **options)[1]]
        assert found == names, found
    entry = SWIFT.get_container('c', prefix='list/000')[1][0]
    assert (entry['bytes'], entry['hash'], entry['content_type']) == (
        1,
        md5(b'x'),
        'application/octet-stream',
    ), entry
    assert len(entry['last_modified']) == len('2026-01-02T03:04:05.678901'), entry
    folded = SWIFT.get_container('c', prefix='list/a', delimiter='/')[1]
    assert folded == [{'subdir': 'list/a b+c&d/'}], folded
    after = SWIFT.get_container('c', marker='list/022', end_marker='list/ü')[1]
    assert [entry['name'] for entry in after] == names[23:26], after
    back = SWIFT.get_container('c', prefix='list/', limit=2, query_string='reverse=true')[1]
    assert [entry['name'] for entry in back] == names[:-3:-1], back
    for name in names:
        SWIFT.delete_object('c', name)
    assert SWIFT.get_container('c', prefix='list/')[1] == []


def counts_are_exact_at_once():
    SWIFT.put_container('counted')
    for size in [0, 1, 70_000]:
        SWIFT.put_object('counted', 'o', content(size), headers=dict(SEALED))
        head = SWIFT.head_container('counted')
        counts = head['x-container-object-count'], head['x-container-bytes-used']
        assert counts == ('1', str(size)), counts
        listed = [entry for entry in SWIFT.get_account()[1] if entry['name'] == 'counted']
        assert (listed[0]['count'], listed[0]['bytes']) == (1, size), listed
    assert refusal(SWIFT.delete_container, 'counted') == 409
    SWIFT.delete_object('counted', 'o')
    assert refusal(SWIFT.delete_object, 'counted', 'o') == 404
    SWIFT.delete_container('counted')
    assert refusal(SWIFT.head_container, 'counted') == 404


def metadata_beyond_ascii_survives():
    SWIFT.post_account({'X-Account-Meta-Name': 'Ünï'})
    assert SWIFT.head_account()['x-account-meta-name'] == 'Ünï'
    SWIFT.post_account({'X-Account-Meta-Name': ''})
    assert 'x-account-meta-name' not in SWIFT.head_account()
    SWIFT.put_object('c', 'ü/meta', b'', headers={'X-Object-Meta-Name': 'Ünï 🗝'})
    assert SWIFT.head_object('c', 'ü/meta')['x-object-meta-name'] == 'Ünï 🗝'
    SWIFT.post_object('c', 'ü/meta', {'X-Object-Meta-Other': '日本'})
    head = SWIFT.head_object('c', 'ü/meta')
    assert head['x-object-meta-other'] == '日本' and 'x-object-meta-name' not in head, head
    assert refusal(SWIFT.put_object, 'c', 'o', b'', headers={'X-Object-Meta-A': 'x' * 257}) == 400
    assert refusal(SWIFT.put_container, 'c', {'X-Container-Meta-' + 'x' * 129: 'a'}) == 400


def refusals_have_their_status():
    assert refusal(connect(key='wrong').get_account) == 401
    url, _ = SWIFT.get_auth()
    _, token = connect(user='other:other', key='testing2').get_auth()
    stranger = Connection(preauthurl=url, preauthtoken=token, cacert=CA, retries=0)
    assert refusal(stranger.get_account) == 403
    assert refusal(stranger.put_object, 'c', 'o', b'') == 403
    unknown = Connection(preauthurl=url, preauthtoken='AUTH_tkwrong', cacert=CA, retries=0)
    assert refusal(unknown.get_account) == 401
    assert refusal(SWIFT.get_object, 'c', 'absent') == 404
    assert refusal(SWIFT.get_container, 'absent') == 404
    assert refusal(SWIFT.put_object, 'absent', 'o', b'') == 404
    assert refusal(SWIFT.put_object, 'c', 'o', b'', headers={'X-Object-Manifest': 'c'}) == 400
    broken = b'[{"path": "/c/absent"}]'
    assert refusal(SWIFT.put_object, 'c', 'o', broken, query_string='multipart-manifest=put') == 400


def services_upload_and_download():
    options = {
        'auth': HTTPS + '/auth/v1.0',
        'user': 'test:tester',
        'key': 'testing',
        'auth_version': '1.0',
        'os_cacert': CA,
        'retries': 0,
    }
    with SwiftService(options=options) as service:
        sources = [SwiftUploadObject(io.BytesIO(content(size)), 'service/%d' % size) for size in SIZES]
        header = ['%s: %s' % item for item in SEALED.items()]
        for result in service.upload('c', sources, {'header': header}):
            assert result['success'], result
        where = os.path.join(DIRECTORY, 'service')
        down = {'prefix': 'service/', 'out_directory': where, 'header': header}
        for result in service.download('c', options=down):
            assert result['success'], result
        for size in SIZES:
            with open(os.path.join(where, 'service', str(size)), 'rb') as file:
                assert file.read() == content(size), size
        stats = list(service.stat('c', ['service/%d' % size for size in SIZES]))
        assert all(result['success'] for result in stats), stats
        for result in service.delete('c', options={'prefix': 'service/'}):
            assert result['success'], result
        assert SWIFT.get_container('c', prefix='service/')[1] == []


def versions_are_one_history():
    SWIFT.put_container('versioned', {'X-Versions-Enabled': 'true'})
    ids = []
    for number, headers in enumerate([{}, SEALED, RESEALED]):
        answer = {}
        body = content(100 + number)
        SWIFT.put_object('versioned', 'o', body, headers=dict(headers), response_dict=answer)
        ids.append(answer['headers']['x-object-version-id'])
    assert len(set(ids)) == 3, ids
    listed = SWIFT.get_container('versioned', query_string='versions')[1]
    assert [entry['version_id'] for entry in listed] == ids[::-1], listed
    assert [entry['is_latest'] for entry in listed] == [True, False, False], listed
    for number, headers in enumerate([{}, SEALED, RESEALED]):
        query = 'version-id=' + ids[number]
        found, got = SWIFT.get_object('versioned', 'o', headers=dict(headers), query_string=query)
        assert got == content(100 + number)
        assert found['x-object-version-id'] == ids[number]
    wrong = {'query_string': 'version-id=' + ids[1], 'headers': dict(RESEALED)}
    assert refusal(SWIFT.get_object, 'versioned', 'o', **wrong) == 403
    SWIFT.delete_object('versioned', 'o')
    assert refusal(SWIFT.head_object, 'versioned', 'o') == 404
    SWIFT.put_object('versioned', 'o', b'', query_string='version-id=' + ids[0])
    assert SWIFT.get_object('versioned', 'o')[1] == content(100), 'an old version is current again'
    for entry in SWIFT.get_container('versioned', query_string='versions')[1]:
        SWIFT.delete_object('versioned', 'o', query_string='version-id=' + entry['version_id'])
    SWIFT.delete_container('versioned')


CHECKS = [
    objects_of_every_size,
    bodies_of_unknown_length,
    bodies_come_in_pieces,
    a_wrong_etag_stores_nothing,
    ranges_at_the_edges_of_records,
    wrong_keys_get_nothing,
    keys_rotate_by_copy,
    copies_take_metadata_along,
    listings_page,
    counts_are_exact_at_once,
    metadata_beyond_ascii_survives,
    refusals_have_their_status,
    services_upload_and_download,
    versions_are_one_history,
]

if __name__ == '__main__':
    SWIFT.put_container('c')
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
